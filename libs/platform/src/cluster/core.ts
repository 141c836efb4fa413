import type { Topic } from '@gyre/contracts';
import type { Logger } from '../logger.js';
import type { Activity } from './activity.js';
import type { KafkaClient } from './kafka/client.js';
import type { TopicReader } from './kafka/topic-reader.js';
import type { Sender } from './kafka/sender.js';
import type { Topics, TopicWanted } from './kafka/topics.js';
import type { Store } from './mongo/store.js';
import type { KafkaOptions } from './options.js';
import type { Outage } from './outage.js';
import type { StateCache } from './state-cache.js';

/** What everything that runs on a cluster platform works with. */
export interface Core {
  readonly partitions: number;
  readonly live: boolean;
  readonly kafka: KafkaClient;
  readonly kafkaOutage: Outage;
  readonly settings: Required<
    Pick<KafkaOptions, 'prefix' | 'sessionTimeoutMs' | 'heartbeatEveryMs' | 'fetchWaitMs' | 'appendTimeoutMs'>
  >;
  readonly sender: Sender;
  readonly reader: TopicReader;
  readonly topics: Topics;
  readonly store: Store;
  readonly cache: StateCache;
  readonly activity: Activity;
  readonly logger: Logger;
  /** Told the steps of a commit, for tests that kill between them. */
  readonly onStep: ((step: string) => void) | undefined;
  /** UTC milliseconds; stamps what is appended. */
  now(): number;
  /** The latest tick that this process knows of, UTC milliseconds. */
  time: number;
  /** Whether a topic carries bytes as they came. */
  isRaw(topic: string): boolean;
  /** What is known of topics by their names; what is not is kept for ever until somebody who knows says how long. */
  known(topics: readonly string[]): TopicWanted[];
  /** Learns of a topic. */
  meet(topic: Pick<Topic<unknown>, 'name' | 'raw' | 'retention'>): void;
}
