import { decoded } from '../encoding.js';
import { encodeInto, readOrder } from '../folding/batch-fold.js';
import { deadLetter, failed, messageOf, undecodable } from '../folding/dead-letter.js';
import type { LogRecord, Outgoing } from '../folding/log-record.js';
import type { Job } from '../job.js';
import type { Recorded } from '../platform.js';
import type { Refusal } from '../task.js';
import { Attempts } from '../folding/attempts.js';
import type { Core } from './core.js';
import type { Next, Stepper } from './engine.js';
import { noCommit, type Commit } from './store.js';

const PAGE = 64;
const COMMIT_RETRY_MS = 500;

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

/** One partition of a job: looks ahead for wanted events, has a batch of them worked on, then commits. */
export class JobRunner<S, E> implements Stepper {
  readonly name: string;
  readonly topics: readonly string[];
  #commit: Commit;
  readonly #attempts: Attempts;
  /** Per topic: how far it has looked ahead, what it found there, and what it saw of producers. */
  readonly #ahead: Map<string, { next: number; waiting: Waiting<E>[]; marks: Mark[]; seen: Map<string, number> }>;
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
    for (const [name, value] of Object.entries({ batch: job.batch ?? 1, batchMin: job.batchMin ?? 1 })) {
      if (!Number.isInteger(value) || value < 1)
        throw new RangeError(`${name} of ${job.name} must be a whole number from 1 on, got ${value}`);
    }
    if ((job.batchMin ?? 1) > (job.batch ?? 1)) throw new RangeError(`batchMin of ${job.name} is above its batch`);
    this.#commit = core.store.commit(job.name, partition) ?? noCommit();
    this.#ahead = new Map(
      this.topics.map((topic) => [
        topic,
        { next: this.offset(topic), waiting: [], marks: [], seen: new Map<string, number>() },
      ]),
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
    const from = this.#abort === undefined && !this.#isReady(topic) ? ahead.next : this.offset(topic);
    return Math.max(0, head - from);
  }

  step(): Next {
    if (this.#closing) return 'idle';
    for (const topic of this.topics) {
      this.#lookAhead(topic);
      if (!this.#isReady(topic)) {
        this.#passUnwanted(topic);
        continue;
      }
      if (this.#attempts.waitMs > 0) return this.#attempts.waitMs;
      this.#ended = this.#work(topic);
      return 'pending';
    }
    return this.topics.some(
      (topic) => (this.#ahead.get(topic)?.next ?? 0) < this.core.engine.head(topic, this.partition),
    )
      ? 'more'
      : 'idle';
  }

  /** @param abort tells the work under way that it counts for nothing; otherwise it ends and is committed */
  async stop(abort: boolean): Promise<void> {
    this.#closing = true;
    if (abort) this.#abort?.abort();
    await this.#ended;
  }

  #isReady(topic: string): boolean {
    const waiting = this.#ahead.get(topic)?.waiting ?? [];
    const least = topic === this.job.input.name ? (this.job.batchMin ?? 1) : 1;
    let work = 0;
    for (const each of waiting) if ('work' in each) work += 1;
    return work >= least || work < waiting.length;
  }

  #lookAhead(topic: string): void {
    const { core, job, partition } = this;
    const ahead = this.#ahead.get(topic);
    if (ahead === undefined) return;
    const head = core.engine.head(topic, partition);
    if (ahead.next >= head || ahead.waiting.length >= (job.batch ?? 1)) return;
    const records = core.log.read(topic, partition, ahead.next, head, PAGE);
    for (const record of records) {
      ahead.next = record.offset + 1;
      if (record.tick !== undefined || !this.#isNew(topic, record)) continue;
      const original = record.origin ?? { topic, offset: record.offset };
      const read = decoded(job.input, record.data);
      if (read.problem !== undefined)
        ahead.waiting.push({ record, topic, refusal: undecodable(read.problem, record.data) });
      else if (job.wants?.(read.event) !== false) {
        const { key, appendedAt } = record;
        ahead.waiting.push({ record, topic, work: { ...original, partition, key, appendedAt, event: read.event } });
      }
      if (ahead.waiting.length >= (job.batch ?? 1)) return;
    }
    if (records.length < PAGE) ahead.next = head;
  }

  #isNew(topic: string, { producer, sequence, offset }: LogRecord): boolean {
    if (producer === undefined) return true;
    const ahead = this.#ahead.get(topic);
    const last = ahead?.seen.get(producer) ?? this.#commit.seen.last(topic, producer);
    if (sequence <= last) return false;
    ahead?.seen.set(producer, sequence);
    ahead?.marks.push({ offset, producer, sequence });
    return true;
  }

  /** Moves the committed place over events that nobody wants, where none waits before them. */
  #passUnwanted(topic: string): void {
    const ahead = this.#ahead.get(topic);
    const to = ahead?.waiting[0]?.record.offset ?? ahead?.next ?? 0;
    if (to > this.offset(topic)) this.#write(topic, to, { json: undefined, outgoing: [] });
  }

  async #work(topic: string): Promise<void> {
    const { job, partition, core } = this;
    const batch = (this.#ahead.get(topic)?.waiting ?? []).slice(0, job.batch ?? 1);
    const place = `${topic} ${batch[0]?.record.offset}`;
    const abort = new AbortController();
    const number = this.#commit.batch;
    this.#abort = abort;
    let result: Result;
    try {
      result = await this.#perform(batch, abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#attempts.failed(place, error);
      const tries = this.#attempts.tries(place);
      core.logger('warn', `${job.name} threw`, { partition, place, tries, error: messageOf(error) });
      if (tries < (job.attempts ?? 3)) return this.#again();
      result = {
        json: undefined,
        outgoing: batch.map((each) => this.#letter(each, tries, failed(error, each.record.data))),
      };
    } finally {
      this.#abort = undefined;
    }
    if (abort.signal.aborted || this.#commit.batch !== number) return;
    const ahead = this.#ahead.get(topic);
    const to = ahead?.waiting[batch.length]?.record.offset ?? ahead?.next ?? 0;
    try {
      this.#write(topic, to, result);
      ahead?.waiting.splice(0, batch.length);
      this.#attempts.passed();
      this.#again();
    } catch (error) {
      core.logger('error', `${job.name} could not commit; it works again`, { partition, error: messageOf(error) });
      setTimeout(() => this.#again(), COMMIT_RETRY_MS);
    }
  }

  async #perform(batch: readonly Waiting<E>[], signal: AbortSignal): Promise<Result> {
    const { job, partition, core } = this;
    const records = batch.flatMap((each) => ('work' in each ? [each.work] : []));
    const outgoing = batch.flatMap((each) => ('refusal' in each ? [this.#letter(each, 0, each.refusal)] : []));
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
    return deadLetter(at, refusal, this.core.partitions);
  }

  #write(topic: string, to: number, { json, outgoing }: Result): void {
    const { core, name, partition } = this;
    const ahead = this.#ahead.get(topic);
    const passed = (ahead?.marks ?? []).filter((mark) => mark.offset < to);
    const { seen, offsets, ticks, batch } = this.#commit;
    let { sequence } = this.#commit;
    for (const mark of passed) seen.accept(topic, mark.producer, mark.sequence);
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
    ahead?.marks.splice(0, passed.length);
  }
}
