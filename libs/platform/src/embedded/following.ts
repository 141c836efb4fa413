import type { Topic } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import { messageOf } from '../folding/dead-letter.js';
import type { LogRecord } from '../folding/log-record.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import type { Recorded } from '../platform.js';
import type { Core } from './core.js';
import type { Next, Stepper } from './engine.js';

const PAGE = 500;
const TRIES = 3;
const BACKOFF_MS = 100;

/** One partition of a following: hands over events in order, one at a time. */
export class FollowingRunner<E> implements Stepper {
  readonly topics: readonly string[];
  readonly #seen = new SequencesSeen();
  #next = 0;
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();
  #waiters: { at: number; resolve: () => void }[] = [];

  constructor(
    private readonly core: Core,
    readonly name: string,
    private readonly topic: Topic<E>,
    private readonly handle: (record: Recorded<E>) => void | Promise<void>,
    readonly partition: number,
  ) {
    this.topics = [topic.name];
  }

  step(): Next {
    if (this.#stopped) return 'idle';
    const head = this.core.engine.head(this.topic.name, this.partition);
    if (this.#next >= head) return 'idle';
    const records = this.core.log.read(this.topic.name, this.partition, this.#next, head, PAGE);
    for (const [i, record] of records.entries()) {
      const given = this.#give(record, 1);
      if (given === undefined) this.#passed(record.offset + 1);
      else {
        this.#ended = this.#awaitRest(records.slice(i), given, records.length < PAGE ? head : undefined);
        return 'pending';
      }
    }
    if (records.length < PAGE) this.#passed(head);
    return 'more';
  }

  /** Resolves when everything below the partition's end has been handled. */
  caughtUp(): Promise<void> {
    const at = this.core.engine.head(this.topic.name, this.partition);
    if (this.#next >= at || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ at, resolve }));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  async #awaitRest(records: readonly LogRecord[], first: Promise<void>, end: number | undefined): Promise<void> {
    for (const [i, record] of records.entries()) {
      await (i === 0 ? first : this.#give(record, 1));
      this.#passed(record.offset + 1);
      if (this.#stopped) return;
    }
    if (end !== undefined) this.#passed(end);
    this.core.engine.resume(this);
  }

  /** Hands one over. @returns undefined when that is done, else a promise that never rejects */
  #give(record: LogRecord, tries: number): Promise<void> | undefined {
    if (record.tick !== undefined) return undefined;
    if (tries === 1 && !this.#seen.accept(this.topic.name, record.producer, record.sequence)) return undefined;
    this.#seen.keep();
    const read = decoded(this.topic, record.data);
    if (read.problem !== undefined) {
      this.#skip(record, read.problem);
      return undefined;
    }
    const { offset, key, appendedAt } = record;
    const given: Recorded<E> = {
      topic: this.topic.name,
      partition: this.partition,
      offset,
      key,
      appendedAt,
      event: read.event,
    };
    try {
      const handling = this.handle(given) as Promise<void> | undefined;
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
    await this.#give(record, tries + 1);
  }

  #skip(record: LogRecord, reason: string): void {
    const { name, partition } = this;
    this.core.logger('error', `${name} passes over an event`, {
      topic: this.topic.name,
      partition,
      offset: record.offset,
      reason,
    });
  }

  #passed(next: number): void {
    this.#next = Math.max(this.#next, next);
    if (this.#waiters.length === 0) return;
    const done = this.#waiters.filter((waiter) => waiter.at <= this.#next);
    this.#waiters = this.#waiters.filter((waiter) => waiter.at > this.#next);
    for (const { resolve } of done) resolve();
  }
}
