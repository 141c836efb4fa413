import { topics } from '@gyre/contracts';
import { BatchFold, earlier, readOrder, remember, type Earlier, type FoldSettings } from '../folding/batch-fold.js';
import { BatchWork, type Folded, type Taken } from '../folding/batch-work.js';
import type { StateChange } from '../folding/batch-states.js';
import { DistinctMemory } from '../folding/distinct-memory.js';
import { retryTopicOf, type LogRecord } from '../folding/log-record.js';
import { RecentStates } from '../folding/recent-states.js';
import { RefusedBefore } from '../folding/refused-before.js';
import { SequencesSeen } from '../folding/sequences-seen.js';
import { partitionOf } from '../partitioner.js';
import type { Task } from '../task.js';
import type { Core } from './core.js';
import type { Next, Stepper } from './engine.js';
import { noCommit, type Commit } from './store.js';

const PAGE = 500;
const MOST = { records: 500, ms: 10, bytes: 8_000_000 };

/** Where a batch under way would leave its group. */
type Draft = Omit<Commit, 'seen'>;

/** Folds one partition of a task: each step is one batch, and one transaction. */
export class TaskRunner<S, E> implements Stepper {
  readonly name: string;
  readonly topics: readonly string[];
  #commit: Commit;
  /** No state wishes to be woken before this; a lower bound. */
  #soonest: number;
  /** The latest tick that this runner had appended for itself. */
  #told = 0;
  readonly #work: BatchWork<S, E>;
  readonly #states = new RecentStates<S>();
  readonly #fold: FoldSettings<S, E>;
  readonly #inputs: readonly string[];

  constructor(
    private readonly core: Core,
    private readonly task: Task<S, E>,
    readonly partition: number,
  ) {
    this.name = task.name;
    this.topics = readOrder(task.name, task.inputs);
    this.#inputs = task.inputs.map((topic) => topic.name);
    this.#work = new BatchWork(task, MOST);
    this.#commit = core.store.commit(task.name, partition) ?? noCommit();
    this.#soonest = core.store.soonest(task.name, partition);
    const distinct = new Map<string, DistinctMemory>();
    if (task.distinct !== undefined)
      for (const topic of this.topics) distinct.set(topic, new DistinctMemory(task.distinct.within));
    this.#fold = { task, partition, partitions: core.partitions, distinct };
    if (distinct.size > 0) this.#remember();
  }

  offset(topic: string): number {
    return this.#commit.offsets[topic] ?? 0;
  }

  lag(topic: string): number {
    return Math.max(0, this.core.engine.head(topic, this.partition) - this.offset(topic));
  }

  /** Whether a state waits for a tick of this time. */
  isDue(time: number): boolean {
    if (this.#soonest > time || this.#work.time(this.#commit.ticks) >= time) return false;
    this.#soonest = this.core.store.soonest(this.name, this.partition);
    return this.#soonest <= time;
  }

  step(): Next {
    const now = this.#work.time(this.#commit.ticks);
    if (this.#soonest <= now) {
      const due = this.core.store.due(this.name, this.partition, now, this.#work.size.records);
      if (due.length > 0) return this.#batch((fold) => this.#work.wake(fold, due, now));
      this.#soonest = this.core.store.soonest(this.name, this.partition);
    }
    if (this.topics.every((topic) => this.lag(topic) === 0)) return 'idle';
    return this.#batch((fold, draft) => this.#work.read(fold, draft, this.#taken(), this.#commit.seen));
  }

  /** Folds in memory, then commits all of it, or forgets it. */
  #batch(work: (fold: BatchFold<S, E>, draft: Draft) => Folded): Next {
    const { batch, offsets, ticks, sequence } = this.#commit;
    const draft: Draft = { batch: batch + 1, offsets: { ...offsets }, ticks: { ...ticks }, sequence };
    const { store, time } = this.core;
    const source = store.source(this.name, this.partition);
    const fold = new BatchFold(this.#fold, source, this.#work.time(ticks), time, undefined, this.#states);
    let committed = false;
    this.#work.attempts.begin();
    this.core.log.beginReading();
    try {
      const folded = work(fold, draft);
      if (folded !== 'commit') return folded === 'again' ? 'more' : folded;
      const changes = this.#changes(fold);
      if (changes === undefined) return 'more';
      this.core.onStep?.('task: folded');
      this.#write(fold, draft, changes);
      committed = true;
      return 'more';
    } finally {
      this.core.log.endReading();
      if (!committed) this.#forget();
    }
  }

  /** What is to be saved; undefined where it cannot be, and the batch is to be begun again. */
  #changes(fold: BatchFold<S, E>): StateChange[] | undefined {
    try {
      return fold.states.changes();
    } catch (error) {
      this.#work.unsaved(error);
      return undefined;
    }
  }

  /** What the next batch is made of: an earlier input first. Each is looked for when it is its turn, and there may be none. */
  *#taken(): Generator<Taken> {
    let room = this.#work.size.records;
    for (const topic of this.topics) {
      const from = this.offset(topic);
      const head = this.core.engine.head(topic, this.partition);
      if (from >= head || room === 0) continue;
      const records = this.core.log.read(topic, this.partition, from, head, room);
      yield { topic, records, ...(records.length < room ? { next: head } : {}) };
      room -= records.length;
    }
  }

  #write(fold: BatchFold<S, E>, draft: Draft, changes: StateChange[]): void {
    const { core, name, partition } = this;
    const wished = changes.reduce((least, { wakeAt }) => Math.min(least, wakeAt ?? Infinity), Infinity);
    core.log.transact('task', () => {
      core.store.saveStates(name, partition, changes);
      core.onStep?.('task: states');
      const at = core.now();
      const producer = `${name}/${partition}`;
      for (const outgoing of fold.outgoing) core.log.append({ ...outgoing, producer, sequence: draft.sequence++ }, at);
      // A wish for a time that has been told already: told once more, for the ticks were before the wish.
      if (wished <= core.time && this.#told < core.time) this.appendTick(core.time, at);
      core.onStep?.('task: published');
      core.store.saveCommit(name, partition, { ...draft, seen: this.#commit.seen });
      core.onStep?.('task: offsets');
    });
    this.#commit = { ...draft, seen: this.#commit.seen };
    this.#commit.seen.keep();
    for (const memory of this.#fold.distinct.values()) memory.keep();
    fold.states.keepIn(this.#states);
    this.#work.attempts.committed();
    this.#soonest = Math.min(this.#soonest, wished);
  }

  /** Tells all the task's inputs the time, but those that have been told with it. Only inside a transaction. */
  appendTick(time: number, appendedAt: number, told = new Set<string>()): void {
    for (const topic of this.#inputs) {
      const place = `${this.partition} ${topic}`;
      if (!told.has(place)) this.core.log.appendTick(topic, this.partition, time, appendedAt);
      told.add(place);
    }
    this.#told = time;
  }

  #forget(): void {
    this.#commit.seen.revert();
    this.#states.clear();
    for (const memory of this.#fold.distinct.values()) memory.revert();
  }

  #remember(): void {
    const within = this.task.distinct?.within ?? 0;
    if (this.topics.every((topic) => this.offset(topic) === 0)) return;
    const lately = new Map<string, readonly Earlier[]>();
    // Of the retry topic, all: how often an event was given back before counts.
    for (const topic of this.topics)
      lately.set(topic, this.#before(topic, this.#inputs.includes(topic) ? within : Infinity));
    const from = new Map(this.#inputs.map((topic) => [topic, lately.get(topic)?.[0]?.offset ?? this.offset(topic)]));
    // Given back, an event may be older than those the memory of its topic holds.
    const wanted = this.offset(retryTopicOf(this.name)) > 0 ? new Map<string, number>() : from;
    const refused = new RefusedBefore(this.name, this.partition, wanted);
    for (const letter of this.#events(
      topics.deadletter.name,
      partitionOf(this.name, this.core.partitions),
      0,
      Infinity,
    ))
      refused.note(letter);
    for (const [topic, memory] of this.#fold.distinct)
      for (const event of lately.get(topic) ?? []) remember(memory, topic, event, refused);
  }

  /** The last events of a topic that were handled: so many at least where there are so many. */
  #before(topic: string, least: number): readonly Earlier[] {
    const to = this.offset(topic);
    for (let back = least; ; back *= 2) {
      // Among so many may be some that a producer sent again.
      const from = least === Infinity ? 0 : this.core.log.offsetBack(topic, this.partition, to, back);
      const events: Earlier[] = [];
      for (const record of this.#events(topic, this.partition, from, to))
        events.push(earlier(this.task, topic, record));
      if (from === 0 || events.length >= least) return least === Infinity ? events : events.slice(-least);
    }
  }

  /** What lies in a range, one after the other, without ticks and without what a producer sent again. */
  *#events(topic: string, partition: number, first: number, to: number): Generator<LogRecord> {
    const seen = new SequencesSeen();
    for (let from = first; ;) {
      const records = this.core.log.read(topic, partition, from, to, PAGE);
      for (const record of records)
        if (record.tick === undefined && seen.accept(topic, record.producer, record.sequence)) yield record;
      seen.keep();
      if (records.length < PAGE) return;
      from = (records[PAGE - 1] as LogRecord).offset + 1;
    }
  }
}
