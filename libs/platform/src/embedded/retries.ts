import { topics } from '@gyre/contracts';
import { setImmediate } from 'node:timers/promises';
import { GivenBack, retriesOf } from '../folding/given-back.js';
import type { LogRecord } from '../folding/log-record.js';
import { letterAt, retryOf } from '../folding/retries.js';
import type { Replayed } from '../platform.js';
import type { Appender } from './appender.js';
import type { Core } from './core.js';

const PAGE = 500;

/** Gives the originals of dead letters back to the groups that refused them. */
export class Retries {
  readonly #givenBack = new GivenBack();

  constructor(
    private readonly core: Core,
    private readonly appender: Appender,
  ) {}

  /** @throws GyreError DEAD_LETTER_NOT_FOUND if there is no such letter, or it never had an original in the log */
  async giveBack(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    const letters = offsets.map(({ partition, offset }) =>
      letterAt(this.#at(topics.deadletter.name, partition, offset), partition, offset),
    );
    const places = retriesOf(letters);
    for (const { topic, partition } of places) while (this.#readOn(topic, partition)) await setImmediate();
    // From here on nothing awaits: what another call gives back is seen.
    for (const { topic, partition } of places) while (this.#readOn(topic, partition));
    const outstanding = this.#givenBack.outstanding(letters);
    const retries = outstanding.flatMap((letter) => {
      const original = this.#at(letter.topic, letter.partition, letter.offset);
      return original === undefined ? [] : [retryOf(letter, original)];
    });
    this.appender.records(retries);
    return { replayed: retries.length, expired: outstanding.length - retries.length };
  }

  #at(topic: string, partition: number, offset: number): LogRecord | undefined {
    return this.core.log.read(topic, partition, offset, offset + 1, 1)[0];
  }

  /** @returns whether there is more to read */
  #readOn(topic: string, partition: number): boolean {
    const head = this.core.engine.head(topic, partition);
    const records = this.core.log.read(topic, partition, this.#givenBack.next(topic, partition), head, PAGE);
    const isMore = records.length === PAGE;
    this.#givenBack.note(topic, partition, records, isMore ? (records[PAGE - 1] as LogRecord).offset + 1 : head);
    return isMore;
  }
}
