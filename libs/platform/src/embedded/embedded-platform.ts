import { GyreError, type Retention, type Topic } from '@gyre/contracts';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AppenderRecipe } from '../appender-recipe.js';
import type { Artifacts } from '../artifacts.js';
import { assertInputs } from '../folding/batch-fold.js';
import { messageOf } from '../folding/dead-letter.js';
import { retryTopicOf } from '../folding/log-record.js';
import type { Job } from '../job.js';
import { makeDirectory } from '../make-directory.js';
import {
  Platform,
  type Following,
  type Lag,
  type Position,
  type Recorded,
  type Replayed,
  type Running,
  type Sequenced,
  type StoredState,
} from '../platform.js';
import type { Task } from '../task.js';
import { Appender } from './appender.js';
import { attachmentRecipe } from './attached-appender.js';
import type { Core } from './core.js';
import { Engine, type Stepper } from './engine.js';
import { FileArtifacts } from './file-artifacts.js';
import { FollowingRunner } from './following.js';
import { JobRunner } from './job-runner.js';
import { DirectoryLock } from './lock.js';
import { Log } from './log.js';
import { MemoryArtifacts } from './memory-artifacts.js';
import { Notices } from './notices.js';
import { openDatabase } from './schema.js';
import type { EmbeddedOptions } from './options.js';
import { readTopic } from './read-topic.js';
import { Retentions } from './retentions.js';
import { Retries } from './retries.js';
import { Store } from './store.js';
import { TaskRunner } from './task-runner.js';

const PAGE = 500;
const JOBS_END_MS = 10_000;

/** What is held besides the database, and let go at the end. */
interface Held {
  artifacts: Artifacts;
  lock?: DirectoryLock;
  notices?: Notices;
  /** For other threads of the process. */
  recipe?: AppenderRecipe;
}

/** The platform in one process, on one SQLite file. One process owns a data directory. */
export class EmbeddedPlatform extends Platform {
  readonly partitions: number;
  readonly live: boolean;
  readonly artifacts: Artifacts;
  readonly #core: Core;
  readonly #appender: Appender;
  readonly #tasks = new Map<string, TaskRunner<never, never>[]>();
  readonly #jobs = new Map<string, JobRunner<never, never>[]>();
  readonly #followings = new Set<FollowingRunner<never>[]>();
  readonly #retries: Retries;
  readonly #retention: Retentions;
  readonly #dataVersion: StatementSync;
  #knownVersion = -1;
  readonly #ticker: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly db: DatabaseSync,
    options: EmbeddedOptions,
    private readonly held: Held,
  ) {
    super();
    const { partitions, clock = Date.now, onStep } = options;
    this.partitions = partitions;
    this.live = options.tickEveryMs !== null;
    this.artifacts = held.artifacts;
    const logger = options.logger ?? (() => undefined);
    const engine = new Engine(logger);
    const log = new Log(db, (heads) => engine.advance(heads), onStep);
    const store = new Store(db, log.names);
    this.#core = { partitions, engine, log, store, logger, onStep, now: clock, time: store.time() };
    this.#retention = new Retentions(db, this.#core);
    this.#appender = new Appender(log, partitions, clock);
    this.#retries = new Retries(this.#core, this.#appender);
    this.#dataVersion = db.prepare('PRAGMA data_version');
    this.#lookOut();
    held.notices?.listen(() => {
      if (this.#closing === undefined) this.#lookOut();
    });
    if (options.tickEveryMs !== null) {
      const failed = (error: unknown) => logger('error', 'no tick; the next one follows', { error: messageOf(error) });
      this.#ticker = setInterval(() => void this.tick(clock()).catch(failed), options.tickEveryMs).unref();
    }
  }

  /**
   * Opens a data directory, or makes one.
   * @throws GyreError DATA_DIR_IN_USE, DATA_DIR_VERSION, TOPIC_MISMATCHED; CONFIG_INVALID where no directory can be made or written
   */
  static open(options: EmbeddedOptions & { dir: string }): EmbeddedPlatform {
    assertPartitions(options.partitions);
    makeDirectory(options.dir);
    const lock = DirectoryLock.take(options.dir);
    try {
      const db = openDatabase(join(options.dir, 'gyre.db'), {
        partitions: options.partitions,
        fsync: options.fsync ?? false,
      });
      return new EmbeddedPlatform(db, options, {
        lock,
        artifacts: new FileArtifacts(join(options.dir, 'artifacts')),
        notices: new Notices(options.dir),
        recipe: attachmentRecipe({ dir: options.dir, fsync: options.fsync ?? false }),
      });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** A platform that leaves nothing behind, for tests. */
  static inMemory(options: Partial<EmbeddedOptions> = {}): EmbeddedPlatform {
    const all = { partitions: 1, tickEveryMs: null, ...options };
    assertPartitions(all.partitions);
    return new EmbeddedPlatform(openDatabase(':memory:', { partitions: all.partitions, fsync: false }), all, {
      artifacts: new MemoryArtifacts(),
    });
  }

  async append<E>(topic: Topic<E>, events: readonly E[]): Promise<Position[]> {
    this.#meet(topic);
    return this.#appender.append(topic, events);
  }

  async appendRaw(
    topic: Topic<Uint8Array>,
    records: readonly { key: string; bytes: Uint8Array }[],
  ): Promise<Position[]> {
    this.#meet(topic);
    return this.#appender.appendRaw(topic, records);
  }

  async appendAs<E>(producer: string, topic: Topic<E>, events: readonly Sequenced<E>[]): Promise<Position[]> {
    this.#meet(topic);
    return this.#appender.appendAs(producer, topic, events);
  }

  appenderRecipe(): AppenderRecipe | null {
    this.#assertOpen();
    return this.held.recipe ?? null;
  }

  run<S, E>(task: Task<S, E>): Running {
    this.#assertNew(task.name);
    assertInputs(task);
    for (const topic of task.inputs) this.#meet(topic);
    this.#retention.meetGroup(task);
    const runners = this.#each((partition) => new TaskRunner(this.#core, task, partition));
    this.#tasks.set(task.name, runners as unknown as TaskRunner<never, never>[]);
    const stop = async () => {
      this.#remove(runners);
      if (this.#tasks.get(task.name) === (runners as unknown)) this.#tasks.delete(task.name);
    };
    return this.#started(task.name, runners, stop);
  }

  work<S, E>(job: Job<S, E>): Running {
    this.#assertNew(job.name);
    this.#meet(job.input);
    this.#retention.meetGroup({ name: job.name, inputs: [job.input] });
    const runners = this.#each((partition) => new JobRunner(this.#core, job, partition));
    this.#jobs.set(job.name, runners as unknown as JobRunner<never, never>[]);
    const stop = async () => {
      await Promise.all(runners.map((runner) => runner.stop(false)));
      this.#remove(runners);
      if (this.#jobs.get(job.name) === (runners as unknown)) this.#jobs.delete(job.name);
    };
    return this.#started(job.name, runners, stop);
  }

  follow<E>(name: string, topic: Topic<E>, handle: (record: Recorded<E>) => void | Promise<void>): Following {
    this.#meet(topic);
    const runners = this.#each((partition) => new FollowingRunner(this.#core, name, topic, handle, partition));
    this.#followings.add(runners as unknown as FollowingRunner<never>[]);
    const stop = async () => {
      await Promise.all(runners.map((runner) => runner.stop()));
      this.#remove(runners);
      this.#followings.delete(runners as unknown as FollowingRunner<never>[]);
    };
    const caughtUp = async () => {
      this.#lookOut();
      await Promise.all(runners.map((runner) => runner.caughtUp()));
    };
    return { ...this.#started(name, runners, stop), caughtUp };
  }

  async states<S>(task: { name: string }, keys: readonly string[]): Promise<Map<string, S>> {
    const found = new Map<string, S>();
    for (const key of keys) {
      for (let partition = 0; partition < this.partitions && !found.has(key); partition++) {
        const json = this.#core.store.find(task.name, partition, key);
        if (json !== undefined) found.set(key, JSON.parse(json) as S);
      }
    }
    return found;
  }

  async *scan<S>(task: { name: string }): AsyncGenerator<StoredState<S>> {
    let after = { partition: -1, key: '' };
    for (;;) {
      const page = this.#core.store.page(task.name, after, PAGE);
      for (const { key, data } of page) yield { key, state: JSON.parse(data) as S };
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last;
    }
  }

  read<E>(
    topic: Topic<E>,
    options: { key?: string; from?: ReadonlyMap<number, number> } = {},
  ): AsyncGenerator<Recorded<E>> {
    this.#lookOut();
    const ends = this.#each((partition) => this.#core.engine.head(topic.name, partition));
    return readTopic(this.#core, topic, ends, options);
  }

  async tick(time: number): Promise<void> {
    if (!Number.isSafeInteger(time)) throw new RangeError(`a tick's time is in whole milliseconds, got ${time}`);
    const core = this.#core;
    if (time <= core.time || this.#closing !== undefined) return;
    const due = [...this.#tasks.values()].flat().filter((runner) => runner.isDue(time));
    core.log.transact('append', () => {
      const at = core.now();
      const told = new Set<string>();
      for (const runner of due) runner.appendTick(time, at, told);
      core.store.saveTime(time);
    });
    core.time = time;
  }

  async lag(): Promise<Lag[]> {
    this.#lookOut();
    return this.#groups().flatMap((runner) =>
      runner.topics
        .filter((topic) => topic !== retryTopicOf(runner.name) || this.#core.engine.head(topic, runner.partition) > 0)
        .map((topic) => ({
          group: runner.name,
          topic,
          partition: runner.partition,
          offset: runner.offset(topic),
          lag: runner.lag(topic),
        })),
    );
  }

  async settled(): Promise<void> {
    for (;;) {
      this.#lookOut();
      if (this.#core.engine.idle) return;
      await this.#core.engine.quiet();
    }
  }

  async replayDeadLetters(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    this.#lookOut();
    return this.#retries.giveBack(offsets);
  }

  async expire(now: number): Promise<number> {
    this.#lookOut();
    return this.#retention.expire(this.#groups(), now);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticker);
    const jobs = [...this.#jobs.values()].flat();
    this.#remove([...this.#tasks.values()].flat());
    const ended = Promise.all([
      ...jobs.map((runner) => runner.stop(true)),
      ...[...this.#followings].flat().map((runner) => runner.stop()),
    ]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, JOBS_END_MS)));
    await Promise.race([ended, late]);
    clearTimeout(timer);
    this.#remove([...jobs, ...[...this.#followings].flat()]);
    this.held.notices?.close();
    this.db.close();
    this.held.lock?.release();
  }

  /** Takes notice of what other threads of the process have appended. */
  #lookOut(): void {
    this.#assertOpen();
    const version = (this.#dataVersion.get() as { data_version: number }).data_version;
    if (version === this.#knownVersion) return;
    this.#knownVersion = version;
    this.#core.engine.advance(this.#core.log.heads());
  }

  #meet(topic: { name: string; retention: Retention }): void {
    this.#assertOpen();
    this.#retention.meet(topic);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new GyreError('NOT_READY', 'the platform is closed');
  }

  #assertNew(name: string): void {
    if (this.#tasks.has(name) || this.#jobs.has(name)) throw new RangeError(`${name} runs already`);
  }

  #groups(): (TaskRunner<never, never> | JobRunner<never, never>)[] {
    return [...[...this.#tasks.values()].flat(), ...[...this.#jobs.values()].flat()];
  }

  #each<T>(make: (partition: number) => T): T[] {
    return Array.from({ length: this.partitions }, (_, partition) => make(partition));
  }

  #started(name: string, runners: readonly Stepper[], stop: () => Promise<void>): Running {
    this.#lookOut();
    for (const runner of runners) this.#core.engine.add(runner);
    return { name, stop };
  }

  #remove(runners: readonly Stepper[]): void {
    for (const runner of runners) this.#core.engine.remove(runner);
  }
}

function assertPartitions(partitions: number): void {
  if (Number.isInteger(partitions) && partitions >= 1) return;
  throw new RangeError(`partitions must be a whole number from 1 on, got ${partitions}`);
}
