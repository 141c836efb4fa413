import { decoded } from '../encoding.js';
import type { Job } from '../job.js';
import type { Recorded } from '../platform.js';
import type { Refusal } from '../task.js';
import { deadLetter, failed, undecodable } from './dead-letter.js';
import type { LogRecord, Outgoing } from './log-record.js';
import type { SequencesSeen } from './sequences-seen.js';

/** Of what waits for a job to begin. */
const WAITING_BYTES = 8_000_000;

/** An event that waits for the job, or that it cannot read. */
export type Waiting<E> = { record: LogRecord } & ({ work: Recorded<E> } | { refusal: Refusal });

interface Mark {
  offset: number;
  producer: string;
  sequence: number;
}

/** How far a job has looked through one of its topics, in one partition: what waits there for it, and what it saw of producers. */
export class LookAhead<E> {
  #next: number;
  #waiting: Waiting<E>[] = [];
  #bytes = 0;
  #marks: Mark[] = [];
  readonly #seen = new Map<string, number>();
  readonly #batch: number;
  readonly #least: number;

  constructor(
    private readonly job: Pick<Job<never, E>, 'name' | 'input' | 'wants' | 'batch' | 'batchMin'>,
    private readonly topic: string,
    private readonly partition: number,
    from: number,
  ) {
    this.#next = from;
    this.#batch = job.batch ?? 1;
    // What was given back waits for no company.
    this.#least = topic === job.input.name ? (job.batchMin ?? 1) : 1;
  }

  /** Where to look on. */
  get next(): number {
    return this.#next;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether nothing more is to be looked at before some of it is worked on. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#batch || this.#isHeavy;
  }

  /** Whether work can begin. */
  get isReady(): boolean {
    let work = 0;
    for (const each of this.#waiting) if ('work' in each) work += 1;
    // Heavy events begin before there are enough of them.
    return work >= this.#least || work < this.#waiting.length || this.#isHeavy;
  }

  /** Looks at what follows, until it is full. @returns how many were looked at */
  look(records: readonly LogRecord[], seen: SequencesSeen): number {
    let looked = 0;
    for (const record of records) {
      if (this.isFull) break;
      looked += 1;
      this.#next = record.offset + 1;
      if (record.tick !== undefined || !this.#isNew(record, seen)) continue;
      const read = decoded(this.job.input, record.data);
      if (read.problem !== undefined) this.#waiting.push({ record, refusal: undecodable(read.problem, record.data) });
      else if (this.job.wants?.(read.event) !== false) {
        const { key, appendedAt } = record;
        const original = this.#originalOf(record);
        this.#waiting.push({
          record,
          work: { ...original, partition: this.partition, key, appendedAt, event: read.event },
        });
      } else continue;
      this.#bytes += record.data.length;
    }
    return looked;
  }

  /** There is nothing more before this offset. */
  skipTo(offset: number): void {
    this.#next = Math.max(this.#next, offset);
  }

  /** What is worked on next. */
  batch(): readonly Waiting<E>[] {
    return this.#waiting.slice(0, this.#batch);
  }

  /** Where the job stands when so many of what waits are behind it. */
  placeAfter(count: number): number {
    return this.#waiting[count]?.record.offset ?? this.#next;
  }

  /** Takes notice of what its producers have sent below an offset. */
  accept(seen: SequencesSeen, below: number): void {
    for (const { offset, producer, sequence } of this.#marks)
      if (offset < below) seen.accept(this.topic, producer, sequence);
  }

  /** So many of what waits are committed, with the place behind them. */
  passed(count: number, place: number): void {
    for (const { record } of this.#waiting.splice(0, count)) this.#bytes -= record.data.length;
    this.#marks = this.#marks.filter(({ offset }) => offset >= place);
  }

  /** The dead letters of a batch: of what cannot be read, and of all else where an error is named. */
  letters(batch: readonly Waiting<E>[], partitions: number, given?: { tries: number; error: unknown }): Outgoing[] {
    return batch.flatMap((each) => {
      const { record } = each;
      const isWork = 'work' in each;
      if (isWork && given === undefined) return [];
      const original = this.#originalOf(record);
      const at = {
        group: this.job.name,
        topic: original.topic,
        partition: this.partition,
        attempts: isWork ? (given?.tries ?? 0) : 0,
        record: { ...record, offset: original.offset },
      };
      return [deadLetter(at, isWork ? failed(given?.error, record.data) : each.refusal, partitions)];
    });
  }

  get #isHeavy(): boolean {
    return this.#bytes >= WAITING_BYTES;
  }

  #isNew({ producer, sequence, offset }: LogRecord, seen: SequencesSeen): boolean {
    if (producer === undefined) return true;
    const last = this.#seen.get(producer) ?? seen.last(this.topic, producer);
    if (sequence <= last) return false;
    this.#seen.set(producer, sequence);
    this.#marks.push({ offset, producer, sequence });
    return true;
  }

  #originalOf({ origin, offset }: LogRecord): { topic: string; offset: number } {
    return origin === undefined ? { topic: this.topic, offset } : { topic: origin.topic, offset: origin.offset };
  }
}

/** @throws RangeError */
export function assertBatches({
  name,
  batch = 1,
  batchMin = 1,
}: Pick<Job<never, never>, 'name' | 'batch' | 'batchMin'>) {
  for (const [setting, value] of Object.entries({ batch, batchMin })) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${setting} of ${name} must be a whole number from 1 on, got ${value}`);
  }
  if (batchMin > batch) throw new RangeError(`batchMin of ${name} is above its batch`);
}
