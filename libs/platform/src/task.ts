import type { Topic } from '@gyre/contracts';
import type { Position } from './platform.js';

/** A topic and events for it. Make it with `publish`, which checks that they fit. */
export interface Publication {
  topic: Topic<unknown>;
  events: readonly unknown[];
}

export function publish<E>(topic: Topic<E>, ...events: NoInfer<E>[]): Publication {
  return { topic: topic as Topic<unknown>, events };
}

/** What follows from an event for its key: the next state and events to publish, both exactly once. */
export interface Effects<S> {
  /** `null` deletes the state; absent leaves it as it was. */
  state?: S | null;
  /**
   * Wake this key's state when ticks reach this time, UTC milliseconds (at once, where they have), or at the next tick, whatever its
   * time; replaces an earlier wish. `null` cancels, absent keeps it. Deleting the state cancels it too.
   */
  wakeAt?: number | 'nextTick' | null;
  publish?: readonly Publication[];
  /** The event is refused with good reason: it goes to the dead letters, and the effects beside it still count. */
  refuse?: Refusal;
}

export interface Refusal {
  code: string;
  /** What was wrong, where, and what would be right. */
  reason: string;
  /** The first 2,000 characters at most of the data, without anything private. */
  preview: string;
}

/** A topic that a task can read: one of all its events, or of some. */
export type Input<E> = Topic<E> | (E extends unknown ? Topic<E> : never);

/** A state is looked up by its key, or as the greatest key of the form `prefix…` that is at most `atOrBefore`. */
export type StateKey = string | { prefix: string; atOrBefore: string };

/** About the event being handled. One that a replay of dead letters gave back has the place that it had at first. */
export interface Context extends Position {
  /** The key of the state at hand; undefined for a lookup that found nothing, and where the task keeps none. */
  stateKey: string | undefined;
  /** When the log took the event, UTC milliseconds. */
  appendedAt: number;
  /**
   * The latest time that this partition has been told, UTC milliseconds; 0 before the first. It is told only when a state here waits
   * for it, and so may lie behind the platform's time: it says when a waking is, not how late an event is.
   */
  now: number;
}

/**
 * A fold over one or more co-partitioned topics, with one state per key.
 *
 * `handle` and `wake` await nothing, and read no clock. They may change the state they are given in place: when they throw, the
 * platform throws the batch's states away and begins it again without that event. An event that still throws after `attempts` goes to
 * the dead letters. Of several inputs, an earlier one is read first where both have something to read.
 */
export interface Task<S, E> {
  /** The consumer group, and the producer of what it publishes: `service.fold`. */
  readonly name: string;
  readonly inputs: readonly Input<E>[];
  /** The key of the state that an event concerns. Default: the topic's key. null: the task keeps no states, and none are looked up for it. */
  readonly stateKey?: ((event: E) => StateKey) | null;
  handle(state: S | undefined, event: E, context: Context): Effects<S>;
  /** The state's `wakeAt` has come. Not for a task that reads a raw topic. Its wish is cancelled unless the effects renew it. States wake in the order of time and key. */
  wake?(state: S, context: Omit<Context, 'topic' | 'offset' | 'appendedAt'> & { stateKey: string }): Effects<S>;
  /** States live in memory for a batch and in the store as JSON. Default: they are JSON already. */
  readonly codec?: StateCodec<S>;
  /**
   * An event is dropped if one of the `within` events before it in its topic's partition bore the same id and was not refused. The memory is
   * rebuilt at a start from what was decided: the group's dead letters say which of those events were refused.
   */
  readonly distinct?: { id: (event: E) => string | undefined; within: number };
  /** Tries of an event that throws, the first included (default 3), with back-off from 100 ms, doubling. */
  readonly attempts?: number;
}

export interface StateCodec<S> {
  load(json: unknown): S;
  /** Plain JSON; called once per batch and changed key. */
  save(state: S): unknown;
}
