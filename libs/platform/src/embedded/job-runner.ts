import { Attempts } from '../folding/attempts.js';
import { encodeInto, readOrder } from '../folding/batch-fold.js';
import { messageOf } from '../folding/dead-letter.js';
import { logFailure } from '../folding/job-failure.js';
import type { Outgoing } from '../folding/log-record.js';
import { assertBatches, LookAhead, type Waiting } from '../folding/look-ahead.js';
import type { Job } from '../job.js';
import type { Core } from './core.js';
import type { Next, Stepper } from './engine.js';
import { noCommit, type Commit } from './store.js';

const PAGE = 64;
/** Whoever else is served in this process waits no longer than this. */
const LOOK_MS = 10;
const COMMIT_RETRY_MS = 500;

/** What the work led to: the state as JSON, undefined where it stays. */
interface Result {
  json: string | undefined;
  outgoing: readonly Outgoing[];
}

/** One partition of a job: looks ahead for wanted events, has a batch of them worked on, then commits. */
export class JobRunner<S, E> implements Stepper {
  readonly name: string;
  readonly topics: readonly string[];
  #commit: Commit;
  readonly #attempts: Attempts;
  readonly #ahead: ReadonlyMap<string, LookAhead<E>>;
  #abort: AbortController | undefined;
  #ended: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(
    private readonly core: Core,
    private readonly job: Job<S, E>,
    readonly partition: number,
  ) {
    this.name = job.name;
    this.topics = readOrder(job.name, [job.input]);
    this.#attempts = new Attempts(job.attempts ?? 3);
    assertBatches(job);
    this.#commit = core.store.commit(job.name, partition) ?? noCommit();
    this.#ahead = new Map(
      this.topics.map((topic) => [topic, new LookAhead<E>(job, topic, partition, this.offset(topic))]),
    );
  }

  offset(topic: string): number {
    return this.#commit.offsets[topic] ?? 0;
  }

  /** Events below batchMin wait for company, and are no lag. */
  lag(topic: string): number {
    const head = this.core.engine.head(topic, this.partition);
    const ahead = this.#ahead.get(topic);
    if (ahead === undefined) return 0;
    const from = this.#abort === undefined && !ahead.isReady ? ahead.next : this.offset(topic);
    return Math.max(0, head - from);
  }

  step(): Next {
    if (this.#closing) return 'idle';
    for (const [topic, ahead] of this.#ahead) {
      const isLooked = this.#lookAhead(topic, ahead);
      if (isLooked && ahead.isReady) {
        if (this.#attempts.waitMs > 0) return this.#attempts.waitMs;
        this.#ended = this.#work(topic, ahead);
        return 'pending';
      }
      this.#passUnwanted(topic, ahead);
      if (!isLooked) return 'more';
    }
    return 'idle';
  }

  /** @param abort tells the work under way that it counts for nothing; otherwise it ends and is committed */
  async stop(abort: boolean): Promise<void> {
    this.#closing = true;
    if (abort) this.#abort?.abort();
    await this.#ended;
  }

  /** @returns whether it has: to the end, or to a whole batch; else it goes on after the others had their turn */
  #lookAhead(topic: string, ahead: LookAhead<E>): boolean {
    const { core, partition } = this;
    const head = core.engine.head(topic, partition);
    const began = performance.now();
    while (ahead.next < head && !ahead.isFull) {
      if (performance.now() - began > LOOK_MS) return false;
      const records = core.log.read(topic, partition, ahead.next, head, PAGE);
      const looked = ahead.look(records, this.#commit.seen);
      // Also where the last records have expired.
      if (records.length < PAGE && looked === records.length) ahead.skipTo(head);
    }
    return true;
  }

  /** Moves the committed place over events that nobody wants, where none waits before them. */
  #passUnwanted(topic: string, ahead: LookAhead<E>): void {
    const to = ahead.placeAfter(0);
    if (to > this.offset(topic)) this.#write(topic, ahead, to, { json: undefined, outgoing: [] });
  }

  async #work(topic: string, ahead: LookAhead<E>): Promise<void> {
    const { job, partition, core } = this;
    const batch = ahead.batch();
    const place = `${topic} ${batch[0]?.record.offset}`;
    const abort = new AbortController();
    const number = this.#commit.batch;
    this.#abort = abort;
    let result: Result;
    try {
      result = await this.#perform(ahead, batch, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      const failure = this.#attempts.failed(place, error);
      logFailure(core.logger, job.name, { partition, place }, failure, error);
      if (!failure.isOver) return this.#again();
      result = { json: undefined, outgoing: ahead.letters(batch, core.partitions, { ...failure, error }) };
    } finally {
      this.#abort = undefined;
    }
    if (abort.signal.aborted || this.#commit.batch !== number) return;
    const to = ahead.placeAfter(batch.length);
    try {
      this.#write(topic, ahead, to, result, batch.length);
      this.#attempts.passed();
      this.#again();
    } catch (error) {
      core.logger(
        'error',
        `${job.name} could not commit what it has done; it does it again. Most often the disk of the data directory is full or cannot be written: see its free space and rights`,
        { partition, error: messageOf(error) },
      );
      setTimeout(() => this.#again(), COMMIT_RETRY_MS);
    }
  }

  async #perform(ahead: LookAhead<E>, batch: readonly Waiting<E>[], signal: AbortSignal): Promise<Result> {
    const { job, partition, core } = this;
    const records = batch.flatMap((each) => ('work' in each ? [each.work] : []));
    const outgoing = ahead.letters(batch, core.partitions);
    if (records.length === 0) return { json: undefined, outgoing };
    const before = core.store.find(job.name, partition, '');
    const state = before === undefined ? undefined : (JSON.parse(before) as S);
    const effects = await job.perform(records, { partition, state, signal });
    core.onStep?.('job: performed');
    encodeInto(outgoing, effects.publish ?? [], core.partitions);
    return { json: effects.state === undefined ? undefined : JSON.stringify(effects.state), outgoing };
  }

  #again(): void {
    if (!this.#closing) this.core.engine.resume(this);
  }

  /** @param count of what waits: so many are behind it then */
  #write(topic: string, ahead: LookAhead<E>, to: number, { json, outgoing }: Result, count = 0): void {
    const { core, name, partition } = this;
    const { seen, offsets, ticks, batch } = this.#commit;
    let { sequence } = this.#commit;
    ahead.accept(seen, to);
    let commit: Commit;
    try {
      commit = core.log.transact('job', () => {
        if (json !== undefined) core.store.saveStates(name, partition, [{ key: '', json, wakeAt: null }]);
        core.onStep?.('job: states');
        const at = core.now();
        const producer = `${name}/${partition}`;
        for (const each of outgoing) core.log.append({ ...each, producer, sequence: sequence++ }, at);
        core.onStep?.('job: published');
        const draft: Commit = { batch: batch + 1, offsets: { ...offsets, [topic]: to }, ticks, seen, sequence };
        core.store.saveCommit(name, partition, draft);
        core.onStep?.('job: offsets');
        return draft;
      });
    } catch (error) {
      seen.revert();
      throw error;
    }
    this.#commit = commit;
    seen.keep();
    ahead.passed(count, to);
  }
}
