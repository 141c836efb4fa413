import type { Topic } from '@gyre/contracts';
import { decoded, encoded, type Decoded } from '../encoding.js';
import { partitionOf } from '../partitioner.js';
import type { Context, Effects, Publication, Task } from '../task.js';
import { BatchStates, type StateSource } from './batch-states.js';
import { deadLetter, failed, undecodable } from './dead-letter.js';
import type { DistinctMemory } from './distinct-memory.js';
import { retryTopicOf, type LogRecord, type Outgoing } from './log-record.js';
import type { RecentStates } from './recent-states.js';
import type { RefusedBefore } from './refused-before.js';

/** What of a task stays the same from batch to batch, in one partition. */
export interface FoldSettings<S, E> {
  task: Task<S, E>;
  partition: number;
  /** Number of partitions of every topic. */
  partitions: number;
  /** By the topic that is read, the retry topic among them. */
  distinct: ReadonlyMap<string, DistinctMemory>;
}

/**
 * One batch of a task in memory: what it makes of states, and what it publishes. Nothing of it counts before a platform commits
 * it; when something throws, the whole object is thrown away.
 */
export class BatchFold<S, E> {
  readonly states: BatchStates<S>;
  readonly outgoing: Outgoing[] = [];
  readonly #inputs: ReadonlyMap<string, Topic<E>>;

  constructor(
    private readonly settings: FoldSettings<S, E>,
    source: StateSource,
    /** The partition's time, UTC milliseconds. */
    private readonly now: number,
    /** The latest time that the platform has told anyone: a wish for the next tick is for a later one. */
    told: number,
    /** Records that were decoded before. */
    private readonly read: ReadonlyMap<LogRecord, Decoded<E>> | undefined = undefined,
    recent: RecentStates<S> | undefined = undefined,
  ) {
    this.states = new BatchStates(source, settings.task.codec, Math.max(now, told), recent);
    this.#inputs = new Map(settings.task.inputs.map((topic) => [topic.name, topic]));
  }

  /** Folds one event. @throws what the handler throws */
  handle(topic: string, record: LogRecord): void {
    const { task, partition, distinct } = this.settings;
    const input = this.#inputs.get(record.origin?.topic ?? topic);
    if (input === undefined)
      return this.#refuse(
        topic,
        record,
        1,
        undecodable(`${task.name} does not read ${record.origin?.topic ?? topic}`, record.data),
      );
    const read = this.read?.get(record) ?? decoded(input, record.data);
    const memory = distinct.get(topic);
    if (read.problem !== undefined) {
      memory?.add(undefined);
      return this.#refuse(topic, record, 0, undecodable(read.problem, record.data));
    }
    const id = task.distinct?.id(read.event);
    if (memory !== undefined && id !== undefined && memory.has(id)) {
      memory.add(id);
      return;
    }
    const effects = this.#fold(input, read.event, record, partition);
    memory?.add(effects.refuse === undefined ? id : undefined);
    if (effects.refuse !== undefined) this.#refuse(topic, record, 1, effects.refuse);
  }

  /** Passes an event by that still throws. */
  giveUp(topic: string, record: LogRecord, attempts: number, error: unknown): void {
    this.settings.distinct.get(topic)?.add(undefined);
    this.#refuse(topic, record, attempts, failed(error, record.data));
  }

  /** Wakes a state. @throws what the task throws */
  wake(key: string): void {
    const { task, partition } = this.settings;
    const state = this.states.get(key);
    this.states.woken(key);
    if (state === undefined || task.wake === undefined) return;
    const effects = task.wake(state, { stateKey: key, partition, now: this.now });
    this.#apply(key, effects);
    if (effects.refuse !== undefined) this.#refuseWake(key, 1, effects.refuse.reason);
  }

  /** Cancels a wish whose waking still throws. */
  giveUpWake(key: string, attempts: number, error: unknown): void {
    this.states.woken(key);
    this.#refuseWake(key, attempts, failed(error, '').reason);
  }

  #fold(input: Topic<E>, event: E, record: LogRecord, partition: number): Effects<S> {
    const { task } = this.settings;
    const key = this.#keyOf(input, event, record);
    const context: Context = {
      topic: input.name,
      partition,
      offset: record.origin?.offset ?? record.offset,
      stateKey: key,
      appendedAt: record.appendedAt,
      now: this.now,
    };
    const effects = task.handle(key === undefined ? undefined : this.states.get(key), event, context);
    this.#apply(key, effects);
    return effects;
  }

  #keyOf(input: Topic<E>, event: E, record: LogRecord): string | undefined {
    const { stateKey } = this.settings.task;
    if (stateKey === null) return undefined;
    const wanted = stateKey === undefined ? (input.raw ? record.key : input.key(event)) : stateKey(event);
    return typeof wanted === 'string' ? wanted : this.states.floor(wanted.prefix, wanted.atOrBefore);
  }

  #apply(key: string | undefined, effects: Effects<S>): void {
    if (effects.state !== undefined || effects.wakeAt !== undefined) {
      if (key !== undefined) this.states.apply(key, effects, this.settings.task.wake !== undefined);
      else if (effects.state || (effects.wakeAt !== undefined && effects.wakeAt !== null))
        throw new RangeError('an event without a state key has no state to keep');
    }
    if (effects.publish !== undefined) encodeInto(this.outgoing, effects.publish, this.settings.partitions);
  }

  #refuse(
    topic: string,
    record: LogRecord,
    attempts: number,
    refusal: { code: string; reason: string; preview: string },
  ): void {
    const { task, partition, partitions } = this.settings;
    const original = record.origin ?? { topic, offset: record.offset };
    const at = {
      group: task.name,
      topic: original.topic,
      partition,
      attempts,
      record: { ...record, offset: original.offset },
    };
    this.outgoing.push(deadLetter(at, refusal, partitions));
  }

  #refuseWake(key: string, attempts: number, reason: string): void {
    const { task, partition, partitions } = this.settings;
    const record = { offset: -1, key, appendedAt: this.now };
    const at = { group: task.name, topic: task.inputs[0]?.name ?? '', partition, attempts, record };
    this.outgoing.push(
      deadLetter(at, { code: 'INTERNAL', reason: `waking ${key}: ${reason}`, preview: '' }, partitions),
    );
  }
}

/** @throws RangeError */
export function assertInputs<S, E>({ name, inputs, wake }: Task<S, E>): void {
  if (inputs.length === 0) throw new RangeError(`${name} reads no topic`);
  const raw = wake === undefined ? undefined : inputs.find((topic) => topic.raw);
  // What is told there could not be told from what an outside producer calls a tick.
  if (raw !== undefined)
    throw new RangeError(`${name} wakes states and reads ${raw.name}: nobody tells a raw topic the time`);
}

/** The topics that a group reads, in the order in which it does: its inputs, then its retry topic. */
export function readOrder(group: string, inputs: readonly { name: string }[]): string[] {
  return [...inputs.map((topic) => topic.name), retryTopicOf(group)];
}

/** Makes publications ready for the log, at once: a handler may go on changing what it has published. @throws GyreError EVENT_TOO_LARGE */
export function encodeInto(outgoing: Outgoing[], publications: readonly Publication[], partitions: number): void {
  for (const { topic, events } of publications) {
    if (topic.raw) throw new RangeError(`${topic.name} is raw: its events come from outside, by appendRaw`);
    for (const event of events) {
      const key = topic.key(event);
      outgoing.push({ topic: topic.name, partition: partitionOf(key, partitions), key, data: encoded(topic, event) });
    }
  }
}

/** What a memory of ids is refilled from: an event that came before, by its place and its id. */
export interface Earlier extends Pick<LogRecord, 'offset' | 'origin'> {
  /** undefined for what bears none, or cannot be read. */
  id: string | undefined;
}

export function earlier<S, E>(task: Task<S, E>, topic: string, record: LogRecord): Earlier {
  const { offset, origin } = record;
  const input = task.inputs.find((each) => each.name === (origin?.topic ?? topic));
  const read = input === undefined ? undefined : decoded(input, record.data);
  const id = read === undefined || read.problem !== undefined ? undefined : task.distinct?.id(read.event);
  return { offset, origin, id };
}

/** Refills a memory of ids by the next of the events that came before; one that was refused keeps its place without an id. */
export function remember(memory: DistinctMemory, topic: string, event: Earlier, refused: RefusedBefore): void {
  memory.add(refused.has(topic, event) ? undefined : event.id);
  memory.keep();
}
