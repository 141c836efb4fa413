import { retryTopicOf, type LogRecord } from './log-record.js';
import type { Letter } from './retries.js';

/**
 * Which dead letters were given back, as the retry topics tell: each is once. A newer letter of the same original says that it was
 * refused again, and can be given back in its turn. Remembers the newest letter of each original, and how far it has read.
 */
export class GivenBack {
  readonly #letters = new Map<string, number>();
  readonly #next = new Map<string, number>();

  /** The offset from which on a retry topic's partition is still to be read. */
  next(retries: string, partition: number): number {
    return this.#next.get(`${partition} ${retries}`) ?? 0;
  }

  /** Takes notice of what lies in a retry topic below `next`. */
  note(retries: string, partition: number, records: readonly LogRecord[], next: number): void {
    for (const { origin } of records) {
      if (origin === undefined) continue;
      const original = originalOf(retries, partition, origin.topic, origin.offset);
      this.#letters.set(original, Math.max(origin.letter, this.#letters.get(original) ?? -1));
    }
    this.#next.set(`${partition} ${retries}`, next);
  }

  /** Of each original the newest letter, without those that were given back. */
  outstanding(letters: readonly Letter[]): Letter[] {
    const newest = new Map<string, Letter>();
    for (const letter of letters) {
      const original = originalOf(retryTopicOf(letter.group), letter.partition, letter.topic, letter.offset);
      const known = newest.get(original)?.letter ?? this.#letters.get(original) ?? -1;
      if (letter.letter > known) newest.set(original, letter);
    }
    return [...newest.values()];
  }
}

function originalOf(retries: string, partition: number, topic: string, offset: number): string {
  return `${partition} ${offset} ${topic} ${retries}`;
}

/** The partitions of retry topics that tell of letters, each once. */
export function retriesOf(letters: readonly Letter[]): { topic: string; partition: number }[] {
  const places = letters.map(({ group, partition }) => ({ topic: retryTopicOf(group), partition }));
  return [...new Map(places.map((place) => [`${place.partition} ${place.topic}`, place])).values()];
}
