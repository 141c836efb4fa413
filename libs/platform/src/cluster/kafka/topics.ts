import { EVENT_BYTES_MAX, GyreError, type Retention } from '@gyre/contracts';
import kafkajs, { type Admin } from 'kafkajs';
import { retryTopicOf } from '../../folding/log-record.js';
import { retryRetention } from '../../folding/retries.js';
import type { Logger } from '../../logger.js';
import type { Outage } from '../outage.js';
import type { KafkaClient } from './client.js';
import { patiently } from './patience.js';

const { ConfigResourceTypes } = kafkajs;
const DAY_MS = 86_400_000;
/** The longest record batch: what one append gives to one partition goes in one, so that all of it is taken or none. */
export const BATCH_BYTES_MAX = 8_000_000;
/** What a topic must take at least, with room for what the frames of records may take more than is counted. */
const MESSAGE_BYTES_LEAST = BATCH_BYTES_MAX + EVENT_BYTES_MAX;
const SLACK_DAYS = 7;

export interface TopicWanted {
  name: string;
  retention: Retention;
  raw: boolean;
}

export interface TopicSettings {
  prefix: string;
  partitions: number;
  /** -1: as the brokers are set. */
  replication: number;
  /** Kafka deletes so long after the stated retention, read or not. */
  slackDays: number | undefined;
  /** How long what Kafka refuses for now is tried again, milliseconds. */
  patienceMs: number;
}

/** Makes topics as the settings say, and refuses those that are there and differ. */
export class Topics {
  readonly #admin: Admin;
  #connected: Promise<void> | undefined;
  readonly #ready = new Map<string, Promise<void>>();
  #closed = false;

  constructor(
    kafka: KafkaClient,
    private readonly settings: TopicSettings,
    private readonly outage: Outage,
    private readonly logger: Logger,
  ) {
    this.#admin = kafka.admin();
  }

  /** A topic's name in Kafka. */
  nameOf(topic: string): string {
    return `${this.settings.prefix}${topic}`;
  }

  static retryOf(group: string, inputs: readonly { retention: Retention }[]): TopicWanted {
    return { name: retryTopicOf(group), retention: retryRetention(inputs), raw: false };
  }

  /**
   * Resolves when all of them are there.
   * @throws GyreError TOPIC_MISMATCHED, PLATFORM_UNAVAILABLE
   */
  async ready(topics: readonly TopicWanted[]): Promise<void> {
    const fresh = topics.filter(({ name }) => !this.#ready.has(name));
    if (fresh.length > 0) {
      const made = this.#make(fresh);
      for (const { name } of fresh) this.#ready.set(name, made);
      made.catch(() => {
        for (const { name } of fresh) this.#ready.delete(name);
      });
    }
    await Promise.all(topics.map(({ name }) => this.#ready.get(name)));
  }

  /** The first offsets of records that were appended at this time or later, by partition; the end where there is none. */
  async offsetsAt(topic: string, time: number): Promise<Map<number, number>> {
    const name = this.nameOf(topic);
    const found = await this.#asked(`find a time in ${name}`, () =>
      this.#admin.fetchTopicOffsetsByTimestamp(name, time),
    );
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Deletes what lies below. */
  async cut(topic: string, below: readonly { partition: number; offset: number }[]): Promise<void> {
    const name = this.nameOf(topic);
    const partitions = below.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
    await this.#asked(`delete records of ${name}`, () => this.#admin.deleteTopicRecords({ topic: name, partitions }));
  }

  /** Which of these consumer groups have members now. */
  async alive(groups: readonly string[]): Promise<Set<string>> {
    if (groups.length === 0) return new Set();
    const { groups: found } = await this.#asked('describe consumer groups', () =>
      this.#admin.describeGroups([...groups]),
    );
    return new Set(found.filter(({ members }) => members.length > 0).map(({ groupId }) => groupId));
  }

  /** Names without the prefix. */
  async list(): Promise<string[]> {
    const names = await this.#asked('list topics', () => this.#admin.listTopics());
    const { prefix } = this.settings;
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** Deletes topics and consumer groups, all of the prefix. */
  async remove(): Promise<void> {
    await this.#asked('delete topics', async () => {
      // What an earlier try has deleted is not listed any more.
      const topics = (await this.list()).map((name) => this.nameOf(name));
      if (topics.length > 0) await this.#admin.deleteTopics({ topics });
    });
    const { groups } = await this.#asked('list groups', () => this.#admin.listGroups());
    const own = groups.map(({ groupId }) => groupId).filter((name) => name.startsWith(this.settings.prefix));
    // One whose member was killed a moment ago has not missed it yet; without offsets it is forgotten soon.
    if (own.length > 0) await this.#admin.deleteGroups(own).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connected?.catch(() => undefined);
    await this.#admin.disconnect().catch(() => undefined);
  }

  async #make(topics: readonly TopicWanted[]): Promise<void> {
    const wanted = new Map(topics.map((topic) => [this.nameOf(topic.name), topic]));
    await this.#asked(`get the topics ready (${[...wanted.keys()].join(', ')})`, async () => {
      const existing = new Set((await this.#admin.listTopics()).filter((name) => wanted.has(name)));
      const missing = [...wanted].filter(([name]) => !existing.has(name));
      // Somebody else may make them at the same moment: then they are checked below.
      const made = missing.length === 0 || (await this.#create(missing));
      if (!made) for (const [name] of missing) existing.add(name);
      await this.#assertLed([...wanted.keys()]);
      if (existing.size > 0) await this.#check([...existing], wanted);
    });
  }

  /** @returns false where some of them were there */
  #create(missing: readonly (readonly [name: string, topic: TopicWanted])[]): Promise<boolean> {
    const { replication, partitions } = this.settings;
    return this.#admin.createTopics({
      waitForLeaders: false,
      topics: missing.map(([topic, { retention, raw }]) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: this.#configOf(retention, raw),
      })),
    });
  }

  #configOf(retention: Retention, raw: boolean): { name: string; value: string }[] {
    return [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(this.#retentionMs(retention)) },
      { name: 'retention.bytes', value: '-1' },
      { name: 'max.message.bytes', value: String(MESSAGE_BYTES_LEAST) },
      // Of what comes from outside the brokers tell the time; a producer's clock would say how long it is kept.
      ...(raw ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] : []),
    ];
  }

  #retentionMs(retention: Retention): number {
    return retention === 'forever' ? -1 : (retention.days + (this.settings.slackDays ?? SLACK_DAYS)) * DAY_MS;
  }

  /** @throws Error where a broker does not know one yet, or a partition has no leader */
  async #assertLed(names: readonly string[]): Promise<void> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...names] });
    const unled = topics.filter(({ partitions }) => partitions.some(({ leader }) => leader < 0));
    if (unled.length > 0) throw new Error(`no leader yet for ${unled.map(({ name }) => name).join(', ')}`);
  }

  async #check(names: readonly string[], wanted: ReadonlyMap<string, TopicWanted>): Promise<void> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...names] });
    const { partitions } = this.settings;
    for (const topic of topics) {
      if (topic.partitions.length === partitions) continue;
      throw mismatched(
        topic.name,
        `has ${topic.partitions.length} partitions, the settings say ${partitions}. All topics have the same number, so that what belongs together lies together. Set platform.partitions to ${topic.partitions.length}, or begin under another kafka.prefix`,
      );
    }
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: ['cleanup.policy', 'retention.ms', 'max.message.bytes'],
      })),
    });
    for (const { resourceName, configEntries } of resources) {
      const valueOf = (name: string) => configEntries.find((entry) => entry.configName === name)?.configValue;
      if (valueOf('cleanup.policy') !== 'delete')
        throw mismatched(
          resourceName,
          `has cleanup.policy ${valueOf('cleanup.policy')}, but its records are all needed, not only the last of each key. Set it to delete`,
        );
      const taken = Number(valueOf('max.message.bytes'));
      if (taken < MESSAGE_BYTES_LEAST)
        throw mismatched(
          resourceName,
          `takes batches of ${taken} bytes at most (max.message.bytes); Gyre sends longer ones, which Kafka would refuse for ever. Set it to ${MESSAGE_BYTES_LEAST} or more`,
        );
      // How long retries are kept follows from what their group reads, which not every process knows.
      if (resourceName.startsWith(this.nameOf(retryTopicOf('')))) continue;
      const retention = wanted.get(resourceName)?.retention ?? 'forever';
      const least = retention === 'forever' ? Infinity : retention.days * DAY_MS;
      const found = Number(valueOf('retention.ms'));
      if (found !== -1 && found < least)
        throw mismatched(
          resourceName,
          `keeps records for ${found} ms (retention.ms); Gyre needs ${least === Infinity ? '-1, for ever' : `${least} at least`}`,
        );
    }
  }

  /** @throws GyreError PLATFORM_UNAVAILABLE */
  #asked<T>(what: string, work: () => Promise<T>): Promise<T> {
    const isClosed = () => this.#closed;
    const connected = async () => {
      if (isClosed()) throw new GyreError('NOT_READY', 'the platform is closed');
      await this.#connect();
      return work();
    };
    const { outage, logger } = this;
    return patiently(connected, { forMs: this.settings.patienceMs, what, isClosed, outage, logger });
  }

  async #connect(): Promise<void> {
    try {
      await (this.#connected ??= this.#admin.connect());
    } catch (error) {
      this.#connected = undefined;
      throw error;
    }
  }
}

function mismatched(topic: string, problem: string): GyreError {
  return new GyreError('TOPIC_MISMATCHED', `the topic ${topic} ${problem}`, { topic });
}
