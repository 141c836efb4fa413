import type { Topic } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import type { Logger } from '../logger.js';
import type { Recorded } from '../platform.js';
import type { LogRecord } from './log-record.js';
import { SequencesSeen } from './sequences-seen.js';

/** Reads one partition for somebody outside any group, page by page: its events, without what its producers repeated. */
export class PageReader<E> {
  readonly #seen = new SequencesSeen();

  /** @param key only this key's events; undefined: all */
  constructor(
    private readonly topic: Topic<E>,
    private readonly partition: number,
    private readonly key: string | undefined,
    private readonly logger: Logger,
  ) {}

  *events(page: readonly LogRecord[]): Generator<Recorded<E>> {
    const { topic, partition } = this;
    for (const { offset, key, appendedAt, tick, data, producer, sequence } of page) {
      if (tick !== undefined || (this.key !== undefined && this.key !== key)) continue;
      if (!this.#seen.accept(topic.name, producer, sequence)) continue;
      const read = decoded(topic, data);
      const place = { topic: topic.name, partition, offset };
      if (read.problem === undefined) yield { ...place, key, appendedAt, event: read.event };
      else this.logger('warn', 'a reader passes over an event', { ...place, reason: read.problem });
    }
    this.#seen.keep();
  }
}
