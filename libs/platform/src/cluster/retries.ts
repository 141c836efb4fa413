import { topics } from '@gyre/contracts';
import { GivenBack, retriesOf } from '../folding/given-back.js';
import type { LogRecord } from '../folding/log-record.js';
import { letterAt, retryOf, type Retry } from '../folding/retries.js';
import type { Position, Replayed } from '../platform.js';
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
    const { core } = this;
    await core.topics.ready([topics.deadletter]);
    const lying = await this.#lying(offsets.map((each) => ({ ...each, topic: topics.deadletter.name })));
    const letters = offsets.map((each, i) => letterAt(lying[i], each.partition, each.offset));
    const places = retriesOf(letters);
    const names = [...new Set(places.map(({ topic }) => topic))];
    await core.topics.ready(core.known(names));
    const ends = names.length === 0 ? undefined : await core.reader.ends(names, core.partitions);
    for (const { topic, partition } of places) await this.#readOn(topic, partition, ends?.get(topic)?.[partition] ?? 0);
    const outstanding = this.#givenBack.outstanding(letters);
    const originals = await this.#lying(outstanding);
    const retries: Retry[] = outstanding.flatMap((letter, i) => {
      const original = originals[i];
      return original === undefined ? [] : [retryOf(letter, original)];
    });
    await this.appender.records(retries);
    return { replayed: retries.length, expired: outstanding.length - retries.length };
  }

  /** What lies at each of these places; undefined where nothing does, or nothing any more. */
  async #lying(places: readonly Position[]): Promise<(LogRecord | undefined)[]> {
    const wanted = new Map<string, { topic: string; partition: number; offsets: number[] }>();
    for (const { topic, partition, offset } of places) {
      if (partition < 0 || partition >= this.core.partitions) continue;
      const known = wanted.get(`${partition} ${topic}`);
      if (known === undefined) wanted.set(`${partition} ${topic}`, { topic, partition, offsets: [offset] });
      else known.offsets.push(offset);
    }
    const found = new Map<string, Map<number, LogRecord>>();
    for (const [place, { topic, partition, offsets }] of wanted)
      found.set(place, await this.core.reader.some(topic, partition, offsets));
    return places.map(({ topic, partition, offset }) => found.get(`${partition} ${topic}`)?.get(offset));
  }

  async #readOn(topic: string, partition: number, end: number): Promise<void> {
    const from = this.#givenBack.next(topic, partition);
    for await (const page of this.core.reader.pages(topic, partition, from, end))
      this.#givenBack.note(topic, partition, page, (page.at(-1)?.offset ?? from - 1) + 1);
    this.#givenBack.note(topic, partition, [], Math.max(from, end));
  }
}
