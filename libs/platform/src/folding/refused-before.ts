import { topics, type DeadLetter } from '@gyre/contracts';
import { decoded } from '../encoding.js';
import type { LogRecord } from './log-record.js';

/**
 * Which events of one partition a group has refused, as its dead letters tell. An event that was given back is refused once more for
 * each letter beyond the first of its original.
 */
export class RefusedBefore {
  readonly #letters = new Map<string, number>();
  readonly #retries = new Map<string, number>();

  /** @param from per topic, the offset below which an original is of no interest (default 0) */
  constructor(
    private readonly group: string,
    private readonly partition: number,
    private readonly from: ReadonlyMap<string, number>,
  ) {}

  /** Takes notice of a record of gyre.deadletter, any group's. */
  note({ key, tick, data }: LogRecord): void {
    if (tick !== undefined || key !== this.group) return;
    const read = decoded(topics.deadletter, data);
    if (read.problem !== undefined) return;
    const { event } = read;
    if (!this.#isMine(event) || event.offset < (this.from.get(event.topic) ?? 0)) return;
    const place = placeOf(event.topic, event.offset);
    this.#letters.set(place, (this.#letters.get(place) ?? 0) + 1);
  }

  /** To be asked once for each record, in their order, and of a retry topic for all that there are. */
  has(topic: string, { offset, origin }: Pick<LogRecord, 'offset' | 'origin'>): boolean {
    if (origin === undefined) return this.#letters.has(placeOf(topic, offset));
    const place = placeOf(origin.topic, origin.offset);
    const tries = (this.#retries.get(place) ?? 0) + 1;
    this.#retries.set(place, tries);
    return (this.#letters.get(place) ?? 0) > tries;
  }

  #isMine({ group, partition, offset }: DeadLetter): boolean {
    return group === this.group && partition === this.partition && offset >= 0;
  }
}

function placeOf(topic: string, offset: number): string {
  return `${offset} ${topic}`;
}
