import { decoded } from '../encoding.js';
import { Attempts } from '../folding/attempts.js';
import { encodeInto, readOrder } from '../folding/batch-fold.js';
import { deadLetter, failed, messageOf, undecodable } from '../folding/dead-letter.js';
import type { LogRecord, Outgoing } from '../folding/log-record.js';
import type { Job } from '../job.js';
import type { Recorded } from '../platform.js';
import type { Refusal } from '../task.js';
import { CommitRecord, PENDING_MAX } from './commit-record.js';
import type { Feed } from './kafka/fetch-loop.js';
import { Worker, type Next, type Place } from './worker.js';

/** Of what waits for a job to begin. */
const WAITING_BYTES = 8_000_000;

/** An event that waits for the job, or that it cannot read. */
type Waiting<E> = { record: LogRecord; topic: string } & ({ work: Recorded<E> } | { refusal: Refusal });

/** What the work led to: the state as JSON, undefined where it stays. */
interface Result {
  json: string | undefined;
  outgoing: readonly Outgoing[];
}

interface Mark {
  offset: number;
  producer: string;
  sequence: number;
}

/** How far a topic has been looked through, what was found there, and what was seen of producers. */
interface Ahead<E> {
  next: number;
  waiting: Waiting<E>[];
  bytes: number;
  marks: Mark[];
  seen: Map<string, number>;
}

/** One partition of a job: looks ahead for wanted events, has a batch of them worked on, then commits. */
export class JobWorker<S, E> extends Worker {
  readonly #attempts: Attempts;
  readonly #ahead = new Map<string, Ahead<E>>();
  #state: string | undefined;
  #abort: AbortController | undefined;

  constructor(
    place: Place,
    private readonly job: Job<S, E>,
    partition: number,
  ) {
    super(place, new CommitRecord(place.core, 'job', job.name, partition), readOrder(job.name, [job.input]));
    this.#attempts = new Attempts(job.attempts ?? 3);
  }

  /** Events below batchMin wait for company, and are no lag. */
  override lag(topic: string, end: number): number {
    const ahead = this.#ahead.get(topic);
    const feed = this.feeds.get(topic);
    if (ahead === undefined || feed === undefined) return super.lag(topic, end);
    const looked = feed.primed && feed.records.length === 0 ? Math.max(ahead.next, feed.position) : ahead.next;
    const from = this.#abort === undefined && !this.#isReady(topic) ? looked : this.#committed(topic);
    return Math.max(0, end - from);
  }

  /** Where it stands: what waits below batchMin has not been passed. */
  override offset(topic: string): number {
    const waits = (this.#ahead.get(topic)?.waiting.length ?? 0) > 0;
    return waits || this.#abort !== undefined ? this.#committed(topic) : super.offset(topic);
  }

  protected override stopped(abort: boolean): void {
    if (abort) this.#abort?.abort();
  }

  protected async begin(): Promise<void> {
    const { store } = this.place.core;
    this.#state = (await store.states(this.job.name).load(this.partition, [''])).get('')?.json;
    for (const topic of this.topics) {
      const next = this.#committed(topic);
      this.#ahead.set(topic, { next, waiting: [], bytes: 0, marks: [], seen: new Map<string, number>() });
    }
  }

  protected async step(): Promise<Next> {
    for (const [topic, feed] of this.feeds) {
      const ahead = this.#ahead.get(topic) as Ahead<E>;
      this.#lookAhead(topic, ahead, feed);
      if (!this.#isReady(topic)) {
        await this.#passUnwanted(topic, ahead);
        continue;
      }
      if (this.#attempts.waitMs > 0) return this.#attempts.waitMs;
      await this.#work(topic, ahead);
      return 'more';
    }
    const feeds = [...this.feeds.values()];
    if (feeds.some((feed) => !feed.primed)) return 'wait';
    return feeds.some((feed) => feed.records.length > 0) ? 'more' : 'idle';
  }

  #committed(topic: string): number {
    return this.record.mark.offsets[topic] ?? 0;
  }

  #isReady(topic: string): boolean {
    const waiting = this.#ahead.get(topic)?.waiting ?? [];
    const least = topic === this.job.input.name ? (this.job.batchMin ?? 1) : 1;
    let work = 0;
    for (const each of waiting) if ('work' in each) work += 1;
    // Heavy events begin before there are enough of them.
    return work >= least || work < waiting.length || this.#isHeavy(topic);
  }

  #isHeavy(topic: string): boolean {
    return (this.#ahead.get(topic)?.bytes ?? 0) >= WAITING_BYTES;
  }

  #lookAhead(topic: string, ahead: Ahead<E>, feed: Feed): void {
    const { job, partition } = this;
    let looked = 0;
    for (const record of feed.records) {
      if (ahead.waiting.length >= (job.batch ?? 1) || this.#isHeavy(topic)) break;
      looked += 1;
      ahead.next = record.offset + 1;
      if (record.tick !== undefined || !this.#isNew(topic, ahead, record)) continue;
      const original = record.origin ?? { topic, offset: record.offset };
      const read = decoded(job.input, record.data);
      if (read.problem !== undefined)
        ahead.waiting.push({ record, topic, refusal: undecodable(read.problem, record.data) });
      else if (job.wants?.(read.event) !== false) {
        const { key, appendedAt } = record;
        ahead.waiting.push({ record, topic, work: { ...original, partition, key, appendedAt, event: read.event } });
      } else continue;
      ahead.bytes += record.data.length;
    }
    feed.shift(looked);
  }

  #isNew(topic: string, ahead: Ahead<E>, { producer, sequence, offset }: LogRecord): boolean {
    if (producer === undefined) return true;
    const last = ahead.seen.get(producer) ?? this.record.mark.seen.last(topic, producer);
    if (sequence <= last) return false;
    ahead.seen.set(producer, sequence);
    ahead.marks.push({ offset, producer, sequence });
    return true;
  }

  /** Moves the committed place over events that nobody wants, where none waits before them. */
  async #passUnwanted(topic: string, ahead: Ahead<E>): Promise<void> {
    const to = ahead.waiting[0]?.record.offset ?? ahead.next;
    if (to > this.#committed(topic)) await this.#commit(topic, ahead, to, { json: undefined, outgoing: [] });
  }

  async #work(topic: string, ahead: Ahead<E>): Promise<void> {
    const { job, partition } = this;
    const { core } = this.place;
    const batch = ahead.waiting.slice(0, job.batch ?? 1);
    const place = `${topic} ${batch[0]?.record.offset}`;
    const abort = new AbortController();
    this.#abort = abort;
    try {
      let result: Result;
      try {
        result = await this.#perform(batch, abort.signal);
      } catch (error) {
        if (abort.signal.aborted) return;
        this.#attempts.failed(place, error);
        const tries = this.#attempts.tries(place);
        core.logger('warn', `${job.name} threw`, { partition, place, tries, error: messageOf(error) });
        if (tries < (job.attempts ?? 3)) return;
        result = {
          json: undefined,
          outgoing: batch.map((each) => this.#letter(each, tries, failed(error, each.record.data))),
        };
      }
      if (abort.signal.aborted) return;
      await this.#commit(topic, ahead, ahead.waiting[batch.length]?.record.offset ?? ahead.next, result);
      for (const { record } of ahead.waiting.splice(0, batch.length)) ahead.bytes -= record.data.length;
      this.#attempts.passed();
    } finally {
      this.#abort = undefined;
      core.activity.changed();
    }
  }

  async #perform(batch: readonly Waiting<E>[], signal: AbortSignal): Promise<Result> {
    const { job, partition } = this;
    const { core } = this.place;
    const records = batch.flatMap((each) => ('work' in each ? [each.work] : []));
    const outgoing = batch.flatMap((each) => ('refusal' in each ? [this.#letter(each, 0, each.refusal)] : []));
    if (records.length === 0) return { json: undefined, outgoing };
    const state = this.#state === undefined ? undefined : (JSON.parse(this.#state) as S);
    const effects = await job.perform(records, { partition, state, signal });
    core.onStep?.('job: performed');
    encodeInto(outgoing, effects.publish ?? [], core.partitions);
    const json = effects.state === undefined ? undefined : JSON.stringify(effects.state);
    const size = outgoing.reduce((sum, { key, data }) => sum + key.length + data.length, json?.length ?? 0);
    if (size > PENDING_MAX)
      throw new RangeError(
        `what it leads to has ${size} characters of state and events; a commit holds ${PENDING_MAX} at most`,
      );
    return { json, outgoing };
  }

  #letter(each: Waiting<E>, tries: number, wrong: Refusal): Outgoing {
    const refusal = 'refusal' in each ? each.refusal : wrong;
    const original = each.record.origin ?? { topic: each.topic, offset: each.record.offset };
    const at = {
      group: this.name,
      topic: original.topic,
      partition: this.partition,
      attempts: 'refusal' in each ? 0 : tries,
      record: { ...each.record, offset: original.offset },
    };
    return deadLetter(at, refusal, this.place.core.partitions);
  }

  async #commit(topic: string, ahead: Ahead<E>, to: number, { json, outgoing }: Result): Promise<void> {
    const { core, passed } = this.place;
    const behind = ahead.marks.filter((mark) => mark.offset < to);
    const { seen, offsets, ticks, sequence } = this.record.mark;
    for (const mark of behind) seen.accept(topic, mark.producer, mark.sequence);
    const isNew = this.#state === undefined;
    const states = json === undefined ? [] : [{ key: '', json, wakeAt: null, isNew }];
    const draft = { offsets: { ...offsets, [topic]: to }, ticks, sequence };
    try {
      await this.record.commit(draft, states, [...outgoing]);
    } catch (error) {
      seen.revert();
      throw error;
    }
    if (json !== undefined) this.#state = json;
    seen.keep();
    ahead.marks.splice(0, behind.length);
    core.onStep?.('job: offsets');
    passed(draft.offsets);
    core.onStep?.('job: committed');
  }
}
