import type { Topic } from '@gyre/contracts';
import type { Recorded } from './platform.js';
import type { Publication } from './task.js';

export interface JobContext<S> {
  partition: number;
  /** The job's state for this partition: one document. */
  state: S | undefined;
  /** Aborted when the platform closes or the partition has moved to another owner: what is then returned counts for nothing. */
  signal: AbortSignal;
}

/** What a job's work leads to: committed together with its place in the input. */
export interface JobEffects<S> {
  state?: S;
  publish?: readonly Publication[];
}

/**
 * Work on a topic that awaits: training, writing files. Killed on the way, it is done again from the same event; its effects happen once.
 * Files it writes must bear names that the same work writes again.
 */
export interface Job<S, E> {
  /** The consumer group and the producer of what it publishes: `service.job`. */
  readonly name: string;
  readonly input: Topic<E>;
  /** Events that are skipped without work. Default: none. */
  readonly wants?: (event: E) => boolean;
  /** At most so many events are worked on together (default 1). */
  readonly batch?: number;
  /**
   * With a batch above 1: begin only when so many events wait (default 1, at most `batch`). What waits below it is no lag, and
   * `settled` does not wait for it; it lies in the topic, from the committed offset on.
   */
  readonly batchMin?: number;
  perform(records: readonly Recorded<E>[], context: JobContext<S>): Promise<JobEffects<S>>;
  /**
   * Tries of a batch that throws, the first included (default 3), with back-off from 100 ms, doubling; then it goes to the dead letters. A
   * full disk, missing rights and a platform that is away are no fault of the events: those tries do not count, and go on until it has passed.
   */
  readonly attempts?: number;
}
