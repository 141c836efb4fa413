import { EVENT_BYTES_MAX, GyreError, type Retention } from '@gyre/contracts';
import kafkajs, { type Admin } from 'kafkajs';
import { retryTopicOf } from '../../folding/log-record.js';
import type { KafkaClient } from './client.js';

const { ConfigResourceTypes } = kafkajs;
const DAY_MS = 86_400_000;
/** The longest record batch: what one append gives to one partition goes in one, so that all of it is taken or none. */
export const BATCH_BYTES_MAX = 8_000_000;
const SLACK_DAYS = 7;
const RETRY_DAYS = 7;
const TRIES = 20;

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
}

/** Makes topics as the settings say, and refuses those that are there and differ. */
export class Topics {
  readonly #admin: Admin;
  #connected: Promise<void> | undefined;
  readonly #ready = new Map<string, Promise<void>>();

  constructor(
    kafka: KafkaClient,
    private readonly settings: TopicSettings,
  ) {
    this.#admin = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 10 } });
  }

  /** A topic's name in Kafka. */
  nameOf(topic: string): string {
    return `${this.settings.prefix}${topic}`;
  }

  static retryOf(group: string): TopicWanted {
    return { name: retryTopicOf(group), retention: { days: RETRY_DAYS }, raw: false };
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
    await this.#connect();
    const found = await this.#admin.fetchTopicOffsetsByTimestamp(this.nameOf(topic), time);
    return new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Deletes what lies below. */
  async cut(topic: string, below: readonly { partition: number; offset: number }[]): Promise<void> {
    await this.#connect();
    const partitions = below.map(({ partition, offset }) => ({ partition, offset: String(offset) }));
    await this.#admin.deleteTopicRecords({ topic: this.nameOf(topic), partitions });
  }

  /** Which of these consumer groups have members now. */
  async alive(groups: readonly string[]): Promise<Set<string>> {
    if (groups.length === 0) return new Set();
    await this.#connect();
    const { groups: found } = await this.#admin.describeGroups([...groups]);
    return new Set(found.filter(({ members }) => members.length > 0).map(({ groupId }) => groupId));
  }

  /** Names without the prefix. */
  async list(): Promise<string[]> {
    await this.#connect();
    const names = await this.#admin.listTopics();
    const { prefix } = this.settings;
    return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** Deletes topics and consumer groups, all of the prefix. For tests. */
  async remove(): Promise<void> {
    const topics = (await this.list()).map((name) => this.nameOf(name));
    if (topics.length > 0) await this.#admin.deleteTopics({ topics });
  }

  async close(): Promise<void> {
    await this.#connected?.catch(() => undefined);
    await this.#admin.disconnect().catch(() => undefined);
  }

  async #make(topics: readonly TopicWanted[]): Promise<void> {
    await this.#connect();
    const wanted = new Map(topics.map((topic) => [this.nameOf(topic.name), topic]));
    const { replication, partitions } = this.settings;
    const existing = new Set((await this.#admin.listTopics()).filter((name) => wanted.has(name)));
    const missing = [...wanted].filter(([name]) => !existing.has(name));
    if (missing.length > 0) {
      // Somebody else may make them at the same moment: then they are checked below.
      const made = await this.#admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(([topic, { retention, raw }]) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication,
          configEntries: this.#configOf(retention, raw),
        })),
      });
      if (!made) for (const [name] of missing) existing.add(name);
      else await this.#untilKnown(missing.map(([name]) => name));
    }
    if (existing.size > 0) await this.#check([...existing], wanted);
  }

  #configOf(retention: Retention, raw: boolean): { name: string; value: string }[] {
    return [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(this.#retentionMs(retention)) },
      { name: 'retention.bytes', value: '-1' },
      { name: 'max.message.bytes', value: String(BATCH_BYTES_MAX + EVENT_BYTES_MAX) },
      // Of what comes from outside the brokers tell the time; a producer's clock would say how long it is kept.
      ...(raw ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] : []),
    ];
  }

  #retentionMs(retention: Retention): number {
    return retention === 'forever' ? -1 : (retention.days + (this.settings.slackDays ?? SLACK_DAYS)) * DAY_MS;
  }

  async #untilKnown(names: readonly string[]): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...names] });
        if (topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
      } catch (error) {
        if (tries >= TRIES) throw error;
      }
      if (tries >= TRIES) throw new Error(`topics without a leader: ${names.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 25 * tries));
    }
  }

  async #check(names: readonly string[], wanted: ReadonlyMap<string, TopicWanted>): Promise<void> {
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [...names] });
    const { partitions } = this.settings;
    for (const topic of topics) {
      if (topic.partitions.length === partitions) continue;
      throw mismatched(
        topic.name,
        `has ${topic.partitions.length} partitions, the settings say ${partitions}; all topics have the same number, so that what belongs together lies together. Set platform.partitions to ${topic.partitions.length}, or begin under another kafka.prefix`,
      );
    }
    const { resources } = await this.#admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: ['cleanup.policy', 'retention.ms'],
      })),
    });
    for (const { resourceName, configEntries } of resources) {
      const valueOf = (name: string) => configEntries.find((entry) => entry.configName === name)?.configValue;
      if (valueOf('cleanup.policy') !== 'delete')
        throw mismatched(
          resourceName,
          `has cleanup.policy ${valueOf('cleanup.policy')}; its records are all needed, not the last of each key: set it to delete`,
        );
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

  async #connect(): Promise<void> {
    try {
      await (this.#connected ??= this.#admin.connect());
    } catch (error) {
      this.#connected = undefined;
      throw new GyreError(
        'PLATFORM_UNAVAILABLE',
        `Kafka cannot be reached: ${(error as Error).message}; see that the brokers of platform.kafka run and take these credentials`,
      );
    }
  }
}

function mismatched(topic: string, problem: string): GyreError {
  return new GyreError('TOPIC_MISMATCHED', `the topic ${topic} ${problem}`, { topic });
}
