import { messageOf } from '../folding/dead-letter.js';
import type { Running } from '../platform.js';
import type { Core } from './core.js';
import { FetchLoop } from './kafka/fetch-loop.js';
import { Membership } from './kafka/membership.js';
import { Topics, type TopicWanted } from './kafka/topics.js';
import type { Place, Worker } from './worker.js';

const RETAKE_MS = 200;
const START_RETRY_MS = 1_000;
/** How often Kafka is told how far the group is. */
const REPORT_MS = 500;

export interface GroupOptions {
  kind: 'task' | 'job';
  name: string;
  inputs: readonly TopicWanted[];
  make: (place: Place, partition: number) => Worker;
  /** Events below this number wait for company. */
  batchMin: number;
}

/** A task or a job in this process: a member of its consumer group, with a worker for each partition that is given to it. */
export class Group implements Running {
  readonly workers = new Map<number, Worker>();
  readonly topics: readonly string[];
  readonly #retries: TopicWanted;
  readonly #loop: FetchLoop;
  #membership: Membership | undefined;
  #joined = false;
  #own: ReadonlySet<number> = new Set();
  #stopping: Promise<void> | undefined;
  readonly #started: Promise<void>;
  #reported = new Map<string, { topic: string; partition: number; offset: number }>();
  #reporter: NodeJS.Timeout | undefined;
  #ending = new Set<Promise<void>>();

  constructor(
    private readonly core: Core,
    private readonly options: GroupOptions,
    private readonly stopped: () => void,
  ) {
    this.#retries = Topics.retryOf(options.name, options.inputs);
    core.meet(this.#retries);
    this.topics = [...options.inputs.map(({ name }) => name), this.#retries.name];
    this.#loop = new FetchLoop(core.kafka, options.name, core.settings.fetchWaitMs, core.kafkaOutage, core.logger);
    this.#started = this.#start();
  }

  get name(): string {
    return this.options.name;
  }

  get kind(): 'task' | 'job' {
    return this.options.kind;
  }

  get batchMin(): number {
    return this.options.batchMin;
  }

  get inputs(): readonly string[] {
    return this.options.inputs.map(({ name }) => name);
  }

  /** Whether there is nothing to do here until something arrives. */
  get idle(): boolean {
    if (this.#stopping !== undefined) return true;
    return this.#joined && this.#ending.size === 0 && [...this.workers.values()].every((worker) => worker.idle);
  }

  /** Ends the batches under way. */
  stop(abort = false): Promise<void> {
    this.#stopping ??= this.#stop(abort);
    return this.#stopping;
  }

  async #start(): Promise<void> {
    const { core, name, kind, inputs, batchMin } = this;
    while (this.#stopping === undefined) {
      try {
        await core.topics.ready([...this.options.inputs, this.#retries]);
        await core.store.register({ _id: name, kind, inputs: [...inputs], batchMin });
        break;
      } catch (error) {
        if (this.#stopping !== undefined) return;
        core.logger('error', `${name} cannot start; it tries again`, { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS));
      }
    }
    if (this.#stopping !== undefined) return;
    this.#membership = new Membership(
      core.kafka,
      {
        group: `${core.settings.prefix}${name}`,
        topics: this.topics.map((topic) => core.topics.nameOf(topic)),
        partitions: core.partitions,
        sessionTimeoutMs: core.settings.sessionTimeoutMs,
        heartbeatEveryMs: core.settings.heartbeatEveryMs,
        assigned: (partitions) => this.#assigned(partitions),
      },
      core.logger,
    );
  }

  #assigned(partitions: readonly number[]): void {
    if (this.#stopping !== undefined) return;
    this.#own = new Set(partitions);
    for (const [partition, worker] of this.workers) if (!this.#own.has(partition)) this.#end(partition, worker);
    for (const partition of partitions) if (!this.workers.has(partition)) this.#begin(partition);
    this.#joined = true;
    this.core.activity.changed();
  }

  #begin(partition: number): void {
    const place: Place = {
      core: this.core,
      loop: this.#loop,
      passed: (offsets) => this.#passed(partition, offsets),
      lost: () => this.#lost(partition, worker),
    };
    const worker = this.options.make(place, partition);
    this.workers.set(partition, worker);
    worker.start();
  }

  #end(partition: number, worker: Worker): void {
    this.workers.delete(partition);
    const ending = worker.stop(true).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Somebody else has taken it over. If Kafka says that it is this member's, it is taken back. */
  #lost(partition: number, worker: Worker): void {
    if (this.workers.get(partition) !== worker) return;
    this.#end(partition, worker);
    setTimeout(() => {
      const mine = this.#stopping === undefined && this.#own.has(partition) && !this.workers.has(partition);
      if (mine) this.#begin(partition);
    }, RETAKE_MS);
  }

  #passed(partition: number, offsets: Readonly<Record<string, number>>): void {
    for (const [topic, offset] of Object.entries(offsets))
      this.#reported.set(`${partition} ${topic}`, { topic: this.core.topics.nameOf(topic), partition, offset });
    this.#reporter ??= setTimeout(() => {
      this.#reporter = undefined;
      void this.#report();
    }, REPORT_MS);
  }

  async #report(): Promise<void> {
    const offsets = [...this.#reported.values()];
    this.#reported = new Map();
    if (offsets.length === 0) return;
    try {
      await this.#membership?.commit(offsets);
    } catch {
      // For lag alone; the next report says more.
    }
  }

  async #stop(abort: boolean): Promise<void> {
    clearTimeout(this.#reporter);
    await Promise.all([...this.workers.values()].map((worker) => worker.stop(abort)));
    await Promise.all(this.#ending);
    await this.#report();
    await this.#started;
    await Promise.all([this.#membership?.close(), this.#loop.close()]);
    this.stopped();
    this.core.activity.changed();
  }
}
