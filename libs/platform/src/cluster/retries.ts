import { topics } from '@gyre/contracts';
import { GivenBack, retriesOf } from '../folding/given-back.js';
import { letterAt, retryOf, type Letter, type Retry } from '../folding/retries.js';
import type { Replayed } from '../platform.js';
import type { Appender } from './appender.js';
import type { Core } from './core.js';

/**
 * Gives the originals of dead letters back to the groups that refused them. Calls in this process wait for each other; of two that name the
 * same letter at the same moment in different processes, neither sees what the other gives back.
 */
export class Retries {
  readonly #givenBack = new GivenBack();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly core: Core,
    private readonly appender: Appender,
  ) {}

  /** @throws GyreError DEAD_LETTER_NOT_FOUND if there is no such letter, or it never had an original in the log */
  giveBack(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    const given = this.#last.then(() => this.#giveBack(offsets));
    this.#last = given.catch(() => undefined);
    return given;
  }

  async #giveBack(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    await this.core.topics.ready([topics.deadletter]);
    const letters: Letter[] = [];
    for (const { partition, offset } of offsets) letters.push(await this.#letterAt(partition, offset));
    const places = retriesOf(letters);
    await this.core.topics.ready(this.core.known([...new Set(places.map(({ topic }) => topic))]));
    for (const { topic, partition } of places) await this.#readOn(topic, partition);
    const outstanding = this.#givenBack.outstanding(letters);
    const retries: Retry[] = [];
    for (const letter of outstanding) {
      const original = await this.core.reader.one(letter.topic, letter.partition, letter.offset);
      if (original !== undefined) retries.push(retryOf(letter, original));
    }
    await this.appender.records(retries);
    return { replayed: retries.length, expired: outstanding.length - retries.length };
  }

  async #letterAt(partition: number, offset: number): Promise<Letter> {
    const within = partition >= 0 && partition < this.core.partitions;
    const found = within ? await this.core.reader.one(topics.deadletter.name, partition, offset) : undefined;
    return letterAt(found, partition, offset);
  }

  async #readOn(topic: string, partition: number): Promise<void> {
    const { reader, partitions } = this.core;
    const end = (await reader.ends([topic], partitions)).get(topic)?.[partition] ?? 0;
    const from = this.#givenBack.next(topic, partition);
    for await (const page of reader.pages(topic, partition, from, end))
      this.#givenBack.note(topic, partition, page, (page.at(-1)?.offset ?? from - 1) + 1);
    this.#givenBack.note(topic, partition, [], Math.max(from, end));
  }
}
