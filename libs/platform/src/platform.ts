import type { Topic } from '@gyre/contracts';
import type { AppenderRecipe } from './appender-recipe.js';
import type { Artifacts } from './artifacts.js';
import type { Job } from './job.js';
import type { Task } from './task.js';

/** A record's place in the log. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

/** An event as it lies in the log. */
export interface Recorded<E> extends Position {
  key: string;
  /** When the log took it, UTC milliseconds, by the platform's clock. */
  appendedAt: number;
  event: E;
}

/** How far a consumer group is behind the end of a partition, in records. */
export interface Lag extends Position {
  group: string;
  /** `offset` is the next one that the group will read. */
  lag: number;
}

/**
 * An event under its producer's own sequence number: sent again after a crash, consumers drop it.
 * Sequences of one producer rise; they need not be consecutive.
 */
export interface Sequenced<E> {
  sequence: number;
  event: E;
}

/** What became of originals of dead letters: so many were given back, so many are no longer in the log. Those given back before count in neither. */
export interface Replayed {
  replayed: number;
  expired: number;
}

/** A state as the store holds it. */
export interface StoredState<S> {
  key: string;
  state: S;
}

/** Something that was started on the platform and can be stopped: it finishes the batch it is at. */
export interface Running {
  readonly name: string;
  stop(): Promise<void>;
}

/** A reader of a whole topic, from its beginning and then live, that keeps what it makes of it in memory. */
export interface Following extends Running {
  /** Resolves when everything that lay in the topic when it was called has been handled. */
  caughtUp(): Promise<void>;
}

/**
 * What Gyre runs on: a partitioned log, folds over it with exactly-once effects, their states, artifacts, and time as events.
 *
 * One port, two adapters, one contract suite. A port is an abstract class, so that it is its own injection token.
 * What exactly-once means: a task's states, its published events and its place in its inputs change together or not at all, in
 * the eyes of every task that reads them, though any process dies at any moment.
 */
export abstract class Platform {
  /** Number of partitions of every topic. */
  abstract readonly partitions: number;
  /** Whether it ticks by its own clock; else `tick` tells it the time. */
  abstract readonly live: boolean;
  abstract readonly artifacts: Artifacts;

  /** Since when it cannot be reached, or that it has not been since the start, and why, in words; null while it can. */
  get away(): string | null {
    return null;
  }

  /**
   * Appends events that came from outside any task: in order, all or none per partition.
   * @returns their positions, in the same order
   * @throws GyreError EVENT_TOO_LARGE if one is over EVENT_BYTES_MAX; then none is appended
   */
  abstract append<E>(topic: Topic<E>, events: readonly E[]): Promise<Position[]>;
  /** The same for a raw topic, whose keys the bytes do not tell. */
  abstract appendRaw(
    topic: Topic<Uint8Array>,
    records: readonly { key: string; bytes: Uint8Array }[],
  ): Promise<Position[]>;
  /**
   * Appends under a stable producer id, with sequences that rise. What was sent before may be sent again: tasks, jobs, followings and
   * `read` drop what they have seen of a producer.
   */
  abstract appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Promise<Position[]>;

  /**
   * With it a worker thread of this process opens an appender of its own, so that appending takes nothing from the loop that serves.
   * null: only this thread can append (a platform in memory).
   */
  abstract appenderRecipe(): AppenderRecipe | null;

  /**
   * Starts folding. One task of a name runs per partition, in whichever process owns it.
   * @throws RangeError if a task or job of that name runs here already
   */
  abstract run<S, E>(task: Task<S, E>): Running;
  /** Starts a job: work that awaits. */
  abstract work<S, E>(job: Job<S, E>): Running;
  /**
   * Reads all partitions, each in order, in this process. `handle` may await; a following has no committed place. An event that
   * does not fit the schema, or that still throws at the third try, is passed over and logged.
   */
  abstract follow<E>(name: string, topic: Topic<E>, handle: (record: Recorded<E>) => void | Promise<void>): Following;

  /**
   * The committed states of a task as its codec saved them, by key; absent keys are absent in the map. A job's state has the key ''.
   * Where several partitions hold a key, the first of them shows.
   * @throws GyreError PLATFORM_UNAVAILABLE if there is no answer for some seconds; so does `scan`
   */
  abstract states<S>(task: { name: string }, keys: readonly string[]): Promise<Map<string, S>>;
  /** All committed states of a task, page by page, in no stated order. */
  abstract scan<S>(task: { name: string }): AsyncIterable<StoredState<S>>;

  /**
   * Records of a topic in order of partition and offset, up to the end as it was at the call. What does not fit the schema is left out and
   * logged; what a producer repeated is left out.
   * @param options.key only this key's
   * @param options.from per partition, the offset to begin at (default 0)
   */
  abstract read<E>(
    topic: Topic<E>,
    options?: { key?: string; from?: ReadonlyMap<number, number> },
  ): AsyncIterable<Recorded<E>>;
  /**
   * Says that it is now `time`: states whose `wakeAt` is at or before it are woken, in every task, exactly once.
   * Live, the platform calls it by itself; a replay calls it with the time of its data. Time does not go back: an earlier one is ignored.
   * A state that later wishes for a time that has been told is woken as soon as it has wished.
   */
  abstract tick(time: number): Promise<void>;

  /**
   * How far each group is behind. A job that is at work on an event has not passed it.
   * @throws GyreError PLATFORM_UNAVAILABLE if there is no answer for some seconds
   */
  abstract lag(): Promise<Lag[]>;
  /**
   * Resolves when every group is at the end of its input and every following has handled all that there is; what throws is waited for
   * until it passes or is given up.
   */
  abstract settled(): Promise<void>;

  /**
   * Gives refused events back to the group that refused them, through `gyre.retry.<group>`. They have lost their place in the order of
   * their key. A letter gives its original back once, and so do several letters of one original: a newer letter, which says that it was
   * refused again, gives it back again. One whose original has expired is passed over.
   * @throws GyreError DEAD_LETTER_NOT_FOUND if an offset names none, or one that never had an original in the log; then none is given back
   */
  abstract replayDeadLetters(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed>;

  /** Deletes records older than their topic's retention that every group has read. @returns how many */
  abstract expire(now: number): Promise<number>;

  /**
   * Stops everything: no new batch begins, the current ones end, jobs are told to stop. Any call afterwards is refused with NOT_READY.
   */
  abstract close(): Promise<void>;
}
