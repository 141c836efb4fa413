import type { Task } from '../task.js';
import { Attempts, type Handled } from './attempts.js';
import type { BatchFold } from './batch-fold.js';
import { BatchSize } from './batch-size.js';
import type { LogRecord } from './log-record.js';
import type { SequencesSeen } from './sequences-seen.js';
import { wakeInOrder, type Wish } from './waking.js';

/** Where a batch under way would leave its group, by topic. */
export interface Reached {
  /** The next offset to read. */
  offsets: Record<string, number>;
  /** The last tick seen, UTC milliseconds. */
  ticks: Record<string, number>;
}

/** Commit what was folded; begin the batch again; or wait so many milliseconds. */
export type Folded = 'commit' | 'again' | number;

/** What a batch reads of a topic. */
export interface Taken {
  topic: string;
  records: readonly LogRecord[];
  /** Where reading goes on when all of them are handled, where that is not behind the last: what lay between has expired. */
  next?: number;
}

/** The work on one partition's batches: how large they are, in which order they are read, and what becomes of what throws. */
export class BatchWork<S, E> {
  readonly size: BatchSize;
  readonly attempts: Attempts;
  readonly #inputs: readonly string[];
  readonly #handle: Attempts['handle'];

  /**
   * @param most records, milliseconds of the event loop and bytes of input that a batch may have, see `BatchSize`
   * @param trying what one try is done by, where it is more than `Attempts` does
   */
  constructor(
    task: Task<S, E>,
    most: { records: number; ms: number; bytes: number },
    trying: (attempts: Attempts) => Attempts['handle'] = (attempts) => attempts.handle.bind(attempts),
  ) {
    this.size = new BatchSize(most.records, most.ms, most.bytes);
    this.attempts = new Attempts(task.attempts ?? 3);
    this.#inputs = task.inputs.map((topic) => topic.name);
    this.#handle = trying(this.attempts);
  }

  /** The partition's time: what all inputs have been told. */
  time(ticks: Readonly<Record<string, number>>): number {
    let time = Infinity;
    for (const topic of this.#inputs) time = Math.min(time, ticks[topic] ?? 0);
    return time;
  }

  /** Folds what was taken, an earlier input first, until time goes on or something throws. */
  read(fold: BatchFold<S, E>, reached: Reached, taken: Iterable<Taken>, seen: SequencesSeen): Folded {
    const now = this.time(reached.ticks);
    const began = performance.now();
    let bytes = 0;
    let count = 0;
    for (const { topic, records, next } of taken) {
      for (const record of records) {
        const handled = this.#one(fold, reached, seen, topic, record, count === 0);
        if (handled === 'failed') return 'again';
        if (handled === 'wait') return this.attempts.waitMs;
        if (handled === 'end before') return 'commit';
        reached.offsets[topic] = record.offset + 1;
        if (handled === 'alone' || this.time(reached.ticks) > now) return 'commit';
        bytes += record.data.length;
        count += 1;
      }
      if (next !== undefined) reached.offsets[topic] = next;
    }
    this.size.learn(count, performance.now() - began, bytes);
    return 'commit';
  }

  wake(fold: BatchFold<S, E>, due: Wish[], now: number): Folded {
    const began = performance.now();
    const { woken, ended } = wakeInOrder(fold, due, now, this.size.records, this.#handle);
    if (ended === 'failed') return 'again';
    if (ended === 'wait') return this.attempts.waitMs;
    if (ended === undefined) this.size.learn(woken, performance.now() - began, 0);
    return 'commit';
  }

  /** A batch could not be saved: it is begun again, smaller where there is no telling what is to blame. */
  unsaved(error: unknown): void {
    if (!this.attempts.blame(error)) this.size.shrink();
  }

  #one(
    fold: BatchFold<S, E>,
    reached: Reached,
    seen: SequencesSeen,
    topic: string,
    record: LogRecord,
    first: boolean,
  ): Handled {
    if (record.tick !== undefined) {
      reached.ticks[topic] = Math.max(reached.ticks[topic] ?? 0, record.tick);
      return 'handled';
    }
    if (seen.has(topic, record.producer, record.sequence)) return 'handled';
    const handled = this.#handle(
      `${topic} ${record.offset}`,
      first,
      () => fold.handle(topic, record),
      (tries, error) => fold.giveUp(topic, record, tries, error),
    );
    if (handled === 'handled' || handled === 'alone') seen.accept(topic, record.producer, record.sequence);
    return handled;
  }
}
