import { randomUUID } from 'node:crypto';
import { topics } from '@gyre/contracts';
import { decoded, type Decoded } from '../encoding.js';
import type { Attempts } from '../folding/attempts.js';
import { BatchFold, earlier, readOrder, remember, type Earlier, type FoldSettings } from '../folding/batch-fold.js';
import { BatchWork, type Folded, type Taken } from '../folding/batch-work.js';
import type { StateChange } from '../folding/batch-states.js';
import { DistinctMemory } from '../folding/distinct-memory.js';
import { retryTopicOf, type LogRecord } from '../folding/log-record.js';
import { RefusedBefore } from '../folding/refused-before.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import { partitionOf } from '../partitioner.js';
import type { Task } from '../task.js';
import { CommitRecord, PENDING_MAX, type Mark } from './commit-record.js';
import { DueWindow } from './due-window.js';
import { Encoder } from './kafka/records.js';
import type { States } from './mongo/states.js';
import { NotLoaded, StatesSource } from './states-source.js';
import { Worker, type Next, type Place } from './worker.js';

const MOST = { records: 2_000, ms: 25, bytes: 4_000_000 };
/** How long the stone of a deleted state lies: longer than any writer that was held up is believed without asking. */
const STONE_MS = 600_000;
const SWEEP_MS = 60_000;

type Draft = Omit<Mark, 'seen' | 'batch'>;

/** Folds one partition of a task: a batch at a time, each in a commit of its own. */
export class TaskWorker<S, E> extends Worker {
  readonly #inputs: readonly string[];
  readonly #work: BatchWork<S, E>;
  readonly #fold: FoldSettings<S, E>;
  readonly #distinct = new Map<string, DistinctMemory>();
  readonly #states: States;
  #source: StatesSource;
  #window: DueWindow;
  /** The latest tick that this worker had appended for itself. */
  #told = 0;
  #sweptAt = 0;

  constructor(
    place: Place,
    private readonly task: Task<S, E>,
    partition: number,
  ) {
    const { core } = place;
    super(place, new CommitRecord(core, 'task', task.name, partition), readOrder(task.name, task.inputs));
    this.#inputs = task.inputs.map((topic) => topic.name);
    this.#work = new BatchWork(task, MOST, loading);
    this.#states = core.store.states(task.name);
    this.#window = new DueWindow(this.#states, partition);
    this.#source = this.#newSource();
    this.#fold = { task, partition, partitions: core.partitions, distinct: this.#distinct };
  }

  /** Appends a tick where a state waits for it. */
  async timeTold(): Promise<void> {
    const { core } = this.place;
    const now = this.#work.time(this.record.mark.ticks);
    if (this.feeds.size === 0 || this.#window.soonest > core.time || now >= core.time) return;
    if (this.#told < core.time) await this.#appendTick(core.time);
  }

  protected async begin(): Promise<void> {
    const { core } = this.place;
    this.#window = new DueWindow(this.#states, this.partition);
    // What the cache holds may be older than what was just carried out of a commit that had failed half way.
    this.#source = this.#newSource();
    await this.#window.begin();
    await this.#remember();
    const now = this.#work.time(this.record.mark.ticks);
    if (this.#window.soonest <= core.time && now < core.time) await this.#appendTick(core.time);
  }

  protected async step(): Promise<Next> {
    const now = this.#work.time(this.record.mark.ticks);
    await this.#window.fill();
    const due = this.#window.due(now, this.#work.size.records);
    if (due.length > 0) {
      const keys = due.map(({ key }) => key);
      return this.#batch(
        () => this.#source.fetch(keys, []),
        (fold) => this.#work.wake(fold, [...due], now),
      );
    }
    const feeds = [...this.feeds.values()];
    if (feeds.some((feed) => !feed.primed)) return 'wait';
    if (feeds.every((feed) => feed.records.length === 0)) {
      await this.#sweep();
      return 'idle';
    }
    const taken = this.#take();
    const read = new Map<LogRecord, Decoded<E>>();
    return this.#batch(
      () => this.#prefetch(taken, read),
      (fold, draft) => this.#work.read(fold, draft, taken, this.record.mark.seen),
      read,
    );
  }

  /** Folds in memory, then commits all of it, or forgets it. */
  async #batch(
    fetch: () => Promise<void>,
    work: (fold: BatchFold<S, E>, draft: Draft) => Folded,
    read?: Map<LogRecord, Decoded<E>>,
  ): Promise<Next> {
    const { core } = this.place;
    if (!core.live) core.time = Math.max(core.time, await core.store.time());
    await fetch();
    for (;;) {
      const { offsets, ticks, sequence } = this.record.mark;
      const draft: Draft = { offsets: { ...offsets }, ticks: { ...ticks }, sequence };
      const fold = new BatchFold(this.#fold, this.#source, this.#work.time(ticks), core.time, read);
      this.#work.attempts.begin();
      let folded: Folded;
      let changes: StateChange[] | undefined;
      try {
        folded = work(fold, draft);
        changes = folded === 'commit' ? this.#changes(fold) : undefined;
      } catch (error) {
        this.#revert();
        if (!(error instanceof NotLoaded)) throw error;
        await this.#source.add(error);
        continue;
      }
      if (folded !== 'commit' || changes === undefined) {
        this.#forget();
        return typeof folded === 'number' ? folded : 'more';
      }
      core.onStep?.('task: folded');
      try {
        await this.#write(fold, draft, changes);
      } catch (error) {
        this.#forget();
        throw error;
      }
      return 'more';
    }
  }

  /** What is to be saved; undefined where it cannot be, and the batch is to be begun again. */
  #changes(fold: BatchFold<S, E>): StateChange[] | undefined {
    try {
      const changes = fold.states.changes();
      let size = 0;
      for (const { key, json } of changes) size += key.length + (json?.length ?? 0);
      for (const { key, data } of fold.outgoing) size += key.length + data.length;
      if (size > PENDING_MAX)
        throw new RangeError(
          `what follows from it has ${size} characters of states and events; a commit holds ${PENDING_MAX} at most`,
        );
      return changes;
    } catch (error) {
      this.#work.unsaved(error);
      return undefined;
    }
  }

  /** What the next batch is made of: an earlier input first. */
  #take(): Taken[] {
    let room = this.#work.size.records;
    let bytes = 0;
    const taken: Taken[] = [];
    for (const [topic, feed] of this.feeds) {
      const records: LogRecord[] = [];
      for (const record of feed.records) {
        if (room === 0 || bytes >= MOST.bytes) break;
        records.push(record);
        room -= 1;
        bytes += record.data.length;
      }
      taken.push({ topic, records });
    }
    return taken;
  }

  async #prefetch(taken: readonly Taken[], read: Map<LogRecord, Decoded<E>>): Promise<void> {
    const keys = new Set<string>();
    const floors: { prefix: string; atOrBefore: string }[] = [];
    for (const { topic, records } of taken) {
      for (const record of records) {
        if (record.tick !== undefined) continue;
        const input = this.task.inputs.find((each) => each.name === (record.origin?.topic ?? topic));
        if (input === undefined) continue;
        const event = decoded(input, record.data);
        read.set(record, event);
        if (event.problem !== undefined) continue;
        const wanted = this.#keyOf(input, event.event, record);
        if (typeof wanted === 'string') keys.add(wanted);
        else if (wanted !== undefined) floors.push(wanted);
      }
    }
    await this.#source.fetch(keys, floors);
  }

  /** undefined where asking for the key throws: the fold will find that out by itself. */
  #keyOf(input: { raw: boolean; key: (event: E) => string }, event: E, record: LogRecord) {
    try {
      if (this.task.stateKey === null) return undefined;
      if (this.task.stateKey !== undefined) return this.task.stateKey(event);
      return input.raw ? record.key : input.key(event);
    } catch {
      return undefined;
    }
  }

  async #write(fold: BatchFold<S, E>, draft: Draft, changes: StateChange[]): Promise<void> {
    const { core, passed } = this.place;
    const wished = changes.reduce((least, { wakeAt }) => Math.min(least, wakeAt ?? Infinity), Infinity);
    const before = this.record.mark.offsets;
    await this.record.commit(draft, this.#source.stored(changes), fold.outgoing);
    for (const [topic, feed] of this.feeds) {
      const to = draft.offsets[topic] ?? 0;
      if (to === (before[topic] ?? 0)) continue;
      let done = 0;
      while (done < feed.records.length && (feed.records[done] as LogRecord).offset < to) done += 1;
      feed.shift(done);
    }
    this.record.mark.seen.keep();
    for (const memory of this.#distinct.values()) memory.keep();
    this.#work.attempts.committed();
    this.#source.committed(changes);
    this.#window.apply(changes);
    // A wish for a time that has been told already: told once more, for the ticks were before the wish.
    if (wished <= core.time && this.#told < core.time) await this.#appendTick(core.time);
    core.onStep?.('task: offsets');
    passed(draft.offsets);
    core.onStep?.('task: committed');
  }

  /** Tells all of the task's inputs the time. */
  async #appendTick(time: number): Promise<void> {
    const { core } = this.place;
    const encoder = new Encoder(core.now());
    await core.sender.send(
      this.#inputs.map((topic) => ({
        topic: core.topics.nameOf(topic),
        partition: this.partition,
        message: encoder.encode({ topic, partition: this.partition, key: '', data: '', tick: time }),
      })),
    );
    this.#told = Math.max(this.#told, time);
  }

  #forget(): void {
    this.#source.forget();
    this.#revert();
  }

  #revert(): void {
    this.record.mark.seen.revert();
    for (const memory of this.#distinct.values()) memory.revert();
  }

  /** Under a name of its own in the cache. */
  #newSource(): StatesSource {
    return new StatesSource(this.#states, this.place.core.cache, randomUUID(), this.partition);
  }

  async #sweep(): Promise<void> {
    if (performance.now() - this.#sweptAt < SWEEP_MS) return;
    if (this.#sweptAt > 0) await this.#states.sweep(Date.now() - STONE_MS);
    this.#sweptAt = performance.now();
  }

  async #remember(): Promise<void> {
    const { task } = this;
    const { core } = this.place;
    if (task.distinct === undefined) return;
    for (const topic of this.topics) this.#distinct.set(topic, new DistinctMemory(task.distinct.within));
    const offsetOf = (topic: string) => this.record.mark.offsets[topic] ?? 0;
    if (this.topics.every((topic) => offsetOf(topic) === 0)) return;
    // Of places and ids alone there is room for all: events are forgotten as they are read.
    const lately = new Map<string, readonly Earlier[]>();
    // Of the retry topic, all: how often an event was given back before counts.
    for (const topic of this.topics) {
      const least = this.#inputs.includes(topic) ? task.distinct.within : Infinity;
      lately.set(topic, await this.#before(topic, offsetOf(topic), least));
    }
    const from = new Map(this.#inputs.map((topic) => [topic, lately.get(topic)?.[0]?.offset ?? offsetOf(topic)]));
    const at = partitionOf(task.name, core.partitions);
    const end = (await core.reader.ends([topics.deadletter.name], core.partitions)).get(topics.deadletter.name)?.[at];
    // Given back, an event may be older than those the memory of its topic holds.
    const wanted = offsetOf(retryTopicOf(task.name)) > 0 ? new Map<string, number>() : from;
    const refused = new RefusedBefore(task.name, this.partition, wanted);
    for await (const letter of this.#events(topics.deadletter.name, at, 0, end ?? 0)) refused.note(letter);
    for (const [topic, memory] of this.#distinct)
      for (const event of lately.get(topic) ?? []) remember(memory, topic, event, refused);
  }

  /** The events that lie before an offset: the last ones, so many at least where there are so many. */
  async #before(topic: string, to: number, least: number): Promise<readonly Earlier[]> {
    for (let back = least; ; back *= 2) {
      const from = Math.max(0, to - back);
      const events: Earlier[] = [];
      for await (const record of this.#events(topic, this.partition, from, to))
        events.push(earlier(this.task, topic, record));
      if (from === 0 || events.length >= least) return least === Infinity ? events : events.slice(-least);
    }
  }

  /** What lies in a range, one after the other, without ticks and without what a producer sent again. */
  async *#events(topic: string, partition: number, from: number, to: number): AsyncGenerator<LogRecord> {
    const seen = new SequencesSeen();
    for await (const page of this.place.core.reader.pages(topic, partition, from, to)) {
      for (const record of page)
        if (record.tick === undefined && seen.accept(topic, record.producer, record.sequence)) yield record;
      seen.keep();
    }
  }
}

/** A state that is not in memory is nobody's failure: the batch is folded again. */
function loading(attempts: Attempts): Attempts['handle'] {
  return (place, first, run, giveUp) => {
    let missing: NotLoaded | undefined;
    const watched = (): void => {
      try {
        run();
      } catch (error) {
        if (!(error instanceof NotLoaded)) throw error;
        missing = error;
      }
    };
    const handled = attempts.handle(place, first, watched, giveUp);
    if (missing !== undefined) throw missing;
    return handled;
  };
}
