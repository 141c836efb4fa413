import type { Retention } from '@gyre/contracts';
import type { Logger } from '../logger.js';

/** How to reach Kafka. */
export interface KafkaOptions {
  /** `host:port` of some brokers. */
  brokers: readonly string[];
  /** Begins the name of every topic and group, so that several Gyres share one Kafka. */
  prefix: string;
  /** TLS; `ca`, `cert` and `key` in PEM. true: TLS with the system's authorities. */
  tls?: boolean | { ca?: string; cert?: string; key?: string };
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
  /** Replicas of every topic that is made; -1: as the brokers are set. */
  replication?: number;
  /** A member that is silent for so long has lost its partitions. */
  sessionTimeoutMs?: number;
  heartbeatEveryMs?: number;
  /** A fetch that finds nothing is answered after so long. */
  fetchWaitMs?: number;
  /** How long an append waits for Kafka before it is refused with PLATFORM_UNAVAILABLE. */
  appendTimeoutMs?: number;
  /** Kafka itself deletes what is older than its topic's retention by so many days, whether groups have read it or not. */
  retentionSlackDays?: number;
}

/** How to reach MongoDB. */
export interface MongoOptions {
  /** A connection string; TLS and credentials go there. */
  url: string;
  /** The database. */
  database: string;
}

export interface ClusterOptions {
  kafka: KafkaOptions;
  mongodb: MongoOptions;
  /** Number of partitions of every topic. */
  partitions: number;
  /** How often the platform tells the time by itself, milliseconds; null: only `tick` does, as in a replay. */
  tickEveryMs: number | null;
  /** How long a start waits for servers that are away, or not ready yet, milliseconds. */
  startTimeoutMs?: number;
  /** The states kept in memory, most recently used, in bytes of their JSON, for all tasks of the process together. */
  stateCacheBytes?: number;
  /** Topics that are made, or checked against these settings, at the start; others when they are first used. */
  topics?: readonly { name: string; retention: Retention; raw: boolean }[];
  /** UTC milliseconds; stamps what is appended, and the platform's own ticks. Default: the machine's clock. */
  clock?: () => number;
  logger?: Logger;
  /** Called with the name of each step of a commit (CLUSTER_STEPS), for tests that kill between them. */
  onStep?: (step: string) => void;
}

/** The steps of a commit, in order. */
export const CLUSTER_STEPS = {
  append: ['append: written', 'append: committed'],
  task: ['task: folded', 'task: recorded', 'task: states', 'task: published', 'task: offsets', 'task: committed'],
  job: ['job: performed', 'job: recorded', 'job: states', 'job: published', 'job: offsets', 'job: committed'],
} as const;
