import type { Topic } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import type { Recorded } from '../platform.js';
import { messageOf } from './dead-letter.js';
import type { LogRecord } from './log-record.js';
import { SequencesSeen } from './sequences-seen.js';

const TRIES = 3;
const BACKOFF_MS = 100;

/** Hands the records of one partition to the handler of a following, each once: what still throws at the third try is passed over and logged. */
export class HandOver<E> {
  readonly #seen = new SequencesSeen();
  #stopped = false;

  /** @param passedOver told of what is passed over, and why */
  constructor(
    private readonly topic: Topic<E>,
    private readonly partition: number,
    private readonly handle: (record: Recorded<E>) => void | Promise<void>,
    private readonly passedOver: (place: Record<string, unknown>) => void,
  ) {}

  /** Tries nothing again. */
  stop(): void {
    this.#stopped = true;
  }

  /** Hands one over. @returns undefined when that is done, else a promise that never rejects */
  give(record: LogRecord): Promise<void> | undefined {
    if (record.tick !== undefined) return undefined;
    if (!this.#seen.accept(this.topic.name, record.producer, record.sequence)) return undefined;
    this.#seen.keep();
    return this.#try(record, 1);
  }

  #try(record: LogRecord, tries: number): Promise<void> | undefined {
    const read = decoded(this.topic, record.data);
    if (read.problem !== undefined) {
      this.#skip(record, read.problem);
      return undefined;
    }
    const { offset, key, appendedAt } = record;
    const place = { topic: this.topic.name, partition: this.partition, offset };
    try {
      const handling = this.handle({ ...place, key, appendedAt, event: read.event }) as Promise<void> | undefined;
      // A handler that promises nothing may still return something.
      if (typeof handling?.then === 'function') {
        return handling.then(undefined, (error: unknown) => this.#retry(record, tries, error));
      }
      return undefined;
    } catch (error) {
      return this.#retry(record, tries, error);
    }
  }

  async #retry(record: LogRecord, tries: number, error: unknown): Promise<void> {
    if (tries >= TRIES || this.#stopped) return this.#skip(record, messageOf(error));
    await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * 2 ** (tries - 1)));
    await this.#try(record, tries + 1);
  }

  #skip({ offset }: LogRecord, reason: string): void {
    this.passedOver({ topic: this.topic.name, partition: this.partition, offset, reason });
  }
}
