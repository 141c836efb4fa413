import { Attempts } from '../folding/attempts.js';
import { encodeInto, readOrder } from '../folding/batch-fold.js';
import { logFailure } from '../folding/job-failure.js';
import type { Outgoing } from '../folding/log-record.js';
import { LookAhead, type Waiting } from '../folding/look-ahead.js';
import type { Job } from '../job.js';
import { CommitRecord, PENDING_MAX } from './commit-record.js';
import { Worker, type Next, type Place } from './worker.js';

/** What the work led to: the state as JSON, undefined where it stays. */
interface Result {
  json: string | undefined;
  outgoing: readonly Outgoing[];
}

/** One partition of a job: looks ahead for wanted events, has a batch of them worked on, then commits. */
export class JobWorker<S, E> extends Worker {
  readonly #attempts: Attempts;
  readonly #ahead = new Map<string, LookAhead<E>>();
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
    const from = this.#abort === undefined && !ahead.isReady ? looked : this.#committed(topic);
    return Math.max(0, end - from);
  }

  /** Where it stands: what waits below batchMin has not been passed. */
  override offset(topic: string): number {
    const waits = this.#ahead.get(topic)?.isEmpty === false;
    return waits || this.#abort !== undefined ? this.#committed(topic) : super.offset(topic);
  }

  protected override stopped(abort: boolean): void {
    if (abort) this.#abort?.abort();
  }

  protected async begin(): Promise<void> {
    const { store } = this.place.core;
    this.#state = (await store.states(this.job.name).load(this.partition, [''])).get('')?.json;
    for (const topic of this.topics)
      this.#ahead.set(topic, new LookAhead(this.job, topic, this.partition, this.#committed(topic)));
  }

  protected async step(): Promise<Next> {
    for (const [topic, feed] of this.feeds) {
      const ahead = this.#ahead.get(topic) as LookAhead<E>;
      feed.shift(ahead.look(feed.records, this.record.mark.seen));
      if (!ahead.isReady) {
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

  /** Moves the committed place over events that nobody wants, where none waits before them. */
  async #passUnwanted(topic: string, ahead: LookAhead<E>): Promise<void> {
    const to = ahead.placeAfter(0);
    if (to > this.#committed(topic)) await this.#commit(topic, ahead, to, { json: undefined, outgoing: [] });
  }

  async #work(topic: string, ahead: LookAhead<E>): Promise<void> {
    const { job, partition } = this;
    const { core } = this.place;
    const batch = ahead.batch();
    const place = `${topic} ${batch[0]?.record.offset}`;
    const abort = new AbortController();
    this.#abort = abort;
    try {
      let result: Result;
      try {
        result = await this.#perform(ahead, batch, abort.signal);
      } catch (error) {
        if (abort.signal.aborted) return;
        const failure = this.#attempts.failed(place, error);
        logFailure(core.logger, job.name, { partition, place }, failure, error);
        if (!failure.isOver) return;
        result = { json: undefined, outgoing: ahead.letters(batch, core.partitions, { ...failure, error }) };
      }
      if (abort.signal.aborted) return;
      await this.#commit(topic, ahead, ahead.placeAfter(batch.length), result, batch.length);
      this.#attempts.passed();
    } finally {
      this.#abort = undefined;
      core.activity.changed();
    }
  }

  async #perform(ahead: LookAhead<E>, batch: readonly Waiting<E>[], signal: AbortSignal): Promise<Result> {
    const { job, partition } = this;
    const { core } = this.place;
    const records = batch.flatMap((each) => ('work' in each ? [each.work] : []));
    const outgoing = ahead.letters(batch, core.partitions);
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

  /** @param count of what waits: so many are behind it then */
  async #commit(topic: string, ahead: LookAhead<E>, to: number, { json, outgoing }: Result, count = 0): Promise<void> {
    const { core, passed } = this.place;
    const { seen, offsets, ticks, sequence } = this.record.mark;
    ahead.accept(seen, to);
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
    ahead.passed(count, to);
    core.onStep?.('job: offsets');
    passed(draft.offsets);
    core.onStep?.('job: committed');
  }
}
