import { GyreError, topics as known, type Retention, type Topic } from '@gyre/contracts';
import type { AppenderRecipe } from '../appender-recipe.js';
import type { Artifacts } from '../artifacts.js';
import { Attempts } from '../folding/attempts.js';
import { assertInputs } from '../folding/batch-fold.js';
import { messageOf } from '../folding/dead-letter.js';
import { DistinctMemory } from '../folding/distinct-memory.js';
import { retryTopicOf } from '../folding/log-record.js';
import { assertBatches } from '../folding/look-ahead.js';
import type { Job } from '../job.js';
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
import { Activity } from './activity.js';
import { Appender } from './appender.js';
import type { Core } from './core.js';
import { START_TIMEOUT_MS, STATE_CACHE_BYTES, withDefaults } from './defaults.js';
import { expireRecords } from './expiry.js';
import { FollowingRunner } from './following.js';
import { Group } from './group.js';
import { JobWorker } from './job-worker.js';
import { openKafka } from './kafka/client.js';
import { TopicReader } from './kafka/topic-reader.js';
import { Sender } from './kafka/sender.js';
import { Topics, type TopicWanted } from './kafka/topics.js';
import { GridArtifacts } from './mongo/artifacts.js';
import { openMongo, type Connection } from './mongo/connection.js';
import { Store } from './mongo/store.js';
import type { ClusterOptions } from './options.js';
import { Outage } from './outage.js';
import { readTopic } from './read-topic.js';
import { Retries } from './retries.js';
import { Settling } from './settling.js';
import { StateCache } from './state-cache.js';
import { TaskWorker } from './task-worker.js';
import type { Place } from './worker.js';
import { threadRecipe } from './thread-appender.js';
import { Ticks } from './ticks.js';

const PAGE = 500;
const JOBS_END_MS = 10_000;

/** The platform on Apache Kafka and MongoDB: any number of processes, each with some of the partitions. */
export class ClusterPlatform extends Platform {
  readonly partitions: number;
  readonly live: boolean;
  readonly artifacts: Artifacts;
  readonly #core: Core;
  readonly #appender: Appender;
  readonly #retries: Retries;
  readonly #groups = new Map<string, Group>();
  readonly #followings = new Set<FollowingRunner<never>>();
  readonly #met = new Map<string, TopicWanted>();
  readonly #ticks: Ticks;
  readonly #settling: Settling;
  readonly #ticker: NodeJS.Timeout | undefined;
  readonly #outages: readonly Outage[];
  #closing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    private readonly options: ClusterOptions,
    connection: Connection,
    mongoOutage: Outage,
  ) {
    super();
    const { partitions, clock = Date.now, logger = () => undefined } = options;
    const settings = withDefaults(options.kafka);
    this.partitions = partitions;
    this.live = options.tickEveryMs !== null;
    const isClosed = () => this.#closed;
    const kafkaOutage = new Outage('Kafka', logger);
    this.#outages = [kafkaOutage, mongoOutage];
    this.artifacts = new GridArtifacts(connection, { outage: mongoOutage, isClosed });
    const kafka = openKafka(options.kafka, logger);
    const { retentionSlackDays: slackDays, compression, appendTimeoutMs: timeoutMs } = settings;
    const patienceMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
    const topics = new Topics(kafka, { ...settings, partitions, slackDays, patienceMs }, kafkaOutage, logger);
    const nameOf = (topic: string) => topics.nameOf(topic);
    const isRaw = (topic: string) => this.#met.get(topic)?.raw ?? false;
    this.#core = {
      partitions,
      live: this.live,
      kafka,
      kafkaOutage,
      settings,
      sender: new Sender(kafka, { compression, timeoutMs }, kafkaOutage, logger),
      reader: new TopicReader(kafka, { nameOf, isRaw, isClosed, outage: kafkaOutage, logger }),
      topics,
      store: new Store(connection, { outage: mongoOutage, isClosed }),
      cache: new StateCache(options.stateCacheBytes ?? STATE_CACHE_BYTES),
      activity: new Activity(),
      logger,
      onStep: options.onStep,
      now: clock,
      time: 0,
      isRaw,
      meet: ({ name, retention, raw }) => void this.#met.set(name, { name, retention, raw }),
      known: (names) => names.map((name) => this.#met.get(name) ?? unknownTopic(name)),
    };
    for (const topic of [...Object.values(known), ...(options.topics ?? [])]) this.#core.meet(topic as Topic<unknown>);
    this.#appender = new Appender({
      sender: this.#core.sender,
      partitions,
      now: clock,
      nameOf,
      ready: (topic) => topics.ready([topic]),
      onStep: options.onStep,
    });
    this.#retries = new Retries(this.#core, this.#appender);
    this.#ticks = new Ticks(this.#core, this.#groups);
    this.#settling = new Settling(this.#core, this.#groups, this.#followings, isClosed);
    if (options.tickEveryMs !== null) {
      const failed = (error: unknown) => logger('error', 'no tick; the next one follows', { error: messageOf(error) });
      // While MongoDB is away a tick waits for it: those after it would wait beside it.
      let telling: Promise<void> | undefined;
      const tick = () =>
        (telling ??= this.tick(clock())
          .catch(failed)
          .finally(() => (telling = undefined)));
      this.#ticker = setInterval(() => void tick(), options.tickEveryMs).unref();
    }
  }

  /** @throws GyreError PLATFORM_UNAVAILABLE, TOPIC_MISMATCHED, DATA_DIR_VERSION */
  static async open(options: ClusterOptions): Promise<ClusterPlatform> {
    const { partitions, startTimeoutMs = START_TIMEOUT_MS, logger = () => undefined } = options;
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > 999)
      throw new RangeError(`partitions must be a whole number from 1 to 999, got ${partitions}`);
    const outage = new Outage('MongoDB', logger);
    const connection = await openMongo(options.mongodb, { forMs: startTimeoutMs, outage });
    const platform = new ClusterPlatform(options, connection, outage);
    try {
      await platform.#core.store.check(partitions, startTimeoutMs);
      await platform.#core.topics.ready(options.topics ?? []);
      platform.#core.time = await platform.#core.store.time();
      return platform;
    } catch (error) {
      await platform.close();
      throw error;
    }
  }

  override get away(): string | null {
    const words = this.#outages.flatMap(({ away }) => away ?? []);
    return words.length === 0 ? null : words.join('; ');
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

  appenderRecipe(): AppenderRecipe {
    this.#assertOpen();
    return ClusterPlatform.recipeFor(this.options);
  }

  /** The appender of another thread, also where no platform is open yet. */
  static recipeFor({ kafka, partitions }: Pick<ClusterOptions, 'kafka' | 'partitions'>): AppenderRecipe {
    return threadRecipe({ kafka, partitions });
  }

  run<S, E>(task: Task<S, E>): Running {
    this.#assertNew(task.name);
    assertInputs(task);
    new Attempts(task.attempts ?? 3);
    if (task.distinct !== undefined) new DistinctMemory(task.distinct.within);
    return this.#start('task', task.name, task.inputs, (place, partition) => new TaskWorker(place, task, partition));
  }

  work<S, E>(job: Job<S, E>): Running {
    this.#assertNew(job.name);
    new Attempts(job.attempts ?? 3);
    assertBatches(job);
    const make = (place: Place, partition: number) => new JobWorker(place, job, partition);
    return this.#start('job', job.name, [job.input], make, job.batchMin);
  }

  follow<E>(name: string, topic: Topic<E>, handle: (record: Recorded<E>) => void | Promise<void>): Following {
    this.#meet(topic);
    const runner: FollowingRunner<E> = new FollowingRunner(this.#core, name, topic, handle, () =>
      this.#followings.delete(runner as unknown as FollowingRunner<never>),
    );
    this.#followings.add(runner as unknown as FollowingRunner<never>);
    return runner;
  }

  async states<S>(task: { name: string }, keys: readonly string[]): Promise<Map<string, S>> {
    this.#assertOpen();
    const found = await this.#core.store.states(task.name).find(keys, this.partitions);
    return new Map([...found].map(([key, json]) => [key, JSON.parse(json) as S]));
  }

  async *scan<S>(task: { name: string }): AsyncGenerator<StoredState<S>> {
    this.#assertOpen();
    const states = this.#core.store.states(task.name);
    for (let after = ''; ;) {
      const page = await states.page(after, PAGE);
      for (const { key, json } of page) yield { key, state: JSON.parse(json) as S };
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.id;
    }
  }

  read<E>(
    topic: Topic<E>,
    options: { key?: string; from?: ReadonlyMap<number, number> } = {},
  ): AsyncGenerator<Recorded<E>> {
    this.#meet(topic);
    return readTopic(this.#core, topic, options);
  }

  async tick(time: number): Promise<void> {
    if (!Number.isSafeInteger(time)) throw new RangeError(`a tick's time is in whole milliseconds, got ${time}`);
    if (this.#closing !== undefined) return;
    await this.#ticks.tell(time);
  }

  async lag(): Promise<Lag[]> {
    this.#assertOpen();
    return this.#settling.lag();
  }

  async settled(): Promise<void> {
    this.#assertOpen();
    await this.#settling.settled();
  }

  async replayDeadLetters(offsets: readonly { partition: number; offset: number }[]): Promise<Replayed> {
    this.#assertOpen();
    return this.#retries.giveBack(offsets);
  }

  async expire(now: number): Promise<number> {
    this.#assertOpen();
    return expireRecords(this.#core, this.#groups, now);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticker);
    const ended = Promise.all([
      ...[...this.#groups.values()].map((group) => group.stop(true)),
      ...[...this.#followings].map((following) => following.stop()),
    ]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, JOBS_END_MS)));
    await Promise.race([ended, late]);
    clearTimeout(timer);
    this.#closed = true;
    const { sender, reader, topics, store } = this.#core;
    await Promise.all([sender.close(), reader.close(), topics.close()]);
    await store.close();
  }

  #start(
    kind: 'task' | 'job',
    name: string,
    inputs: readonly { name: string; raw: boolean; retention: Retention }[],
    make: ConstructorParameters<typeof Group>[1]['make'],
    batchMin = 1,
  ): Running {
    for (const topic of inputs) this.#meet(topic);
    const wanted = inputs.map(({ name, retention, raw }) => ({ name, retention, raw }));
    const group: Group = new Group(this.#core, { kind, name, inputs: wanted, make, batchMin }, () => {
      if (this.#groups.get(name) === group) this.#groups.delete(name);
    });
    this.#groups.set(name, group);
    return { name, stop: () => group.stop() };
  }

  #meet(topic: { name: string; raw: boolean; retention: Retention }): void {
    this.#assertOpen();
    this.#core.meet(topic);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new GyreError('NOT_READY', 'the platform is closed');
  }

  #assertNew(name: string): void {
    this.#assertOpen();
    if (this.#groups.has(name)) throw new RangeError(`${name} runs already`);
  }
}

/** Of a group that has not run here nobody knows what it reads: what is given back to it is kept as long as the letters. */
function unknownTopic(name: string): TopicWanted {
  const retention = name.startsWith(retryTopicOf('')) ? known.deadletter.retention : 'forever';
  return { name, retention, raw: false };
}
