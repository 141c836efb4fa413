import { z } from 'zod';

const Tls = z.strictObject({
  /** PEM files: the authority of the brokers' certificates, and a certificate of our own with its key. */
  caFile: z.string().min(1).optional(),
  certFile: z.string().min(1).optional(),
  keyFile: z.string().min(1).optional(),
});

const KafkaConfig = z
  .strictObject({
    /** `host:port` of some brokers; the others are found through them. */
    brokers: z.array(z.string().regex(/^.+:\d+$/, 'must be host:port')).min(1),
    /** Begins the name of every topic and consumer group. */
    prefix: z
      .string()
      .regex(/^[a-zA-Z0-9._-]*$/, 'must be letters, digits, dots, dashes and underscores')
      .default(''),
    /** true: TLS with the system's authorities. */
    tls: z.union([z.boolean(), Tls]).default(false),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: z.string().min(1),
        password: z.string().min(1),
      })
      .optional(),
    /** Of what is written; everything is read. */
    compression: z.enum(['none', 'gzip', 'snappy', 'lz4', 'zstd']).default('gzip'),
    /** Replicas of each topic that is made; -1: as the brokers are set. */
    replication: z.union([z.literal(-1), z.int().min(1)]).default(-1),
    /** A process that is silent for so long has lost its partitions. */
    sessionTimeoutMs: z.int().min(1_000).default(8_000),
    heartbeatEveryMs: z.int().min(100).default(1_500),
    /** A fetch that finds nothing is answered after so long. */
    fetchWaitMs: z.int().min(10).max(5_000).default(250),
    /** How long an append waits for Kafka before it is refused. */
    appendTimeoutMs: z.int().min(1_000).default(15_000),
    /** Kafka itself deletes so many days after the stated retention, read or not. */
    retentionSlackDays: z.number().min(0).default(7),
  })
  .refine((c) => c.sessionTimeoutMs >= 3 * c.heartbeatEveryMs, {
    path: ['heartbeatEveryMs'],
    error: 'must be a third of sessionTimeoutMs at most, or one lost heartbeat moves partitions',
  });

const MongoConfig = z.strictObject({
  /** A connection string; TLS and credentials go there. */
  url: z.string().regex(/^mongodb(\+srv)?:\/\//, 'must begin with mongodb:// or mongodb+srv://'),
  database: z.string().min(1).default('gyre'),
});

export const PlatformConfig = z
  .strictObject({
    kind: z.enum(['embedded', 'cluster']).default('embedded'),
    /** The data directory: on a cluster for the gateway's log and the archive alone. */
    dir: z.string().min(1).default('gyre-data'),
    /** Of every topic; fixed when the directory, or the database, is made. */
    partitions: z.int().min(1).max(256).default(4),
    /** How often time is told to the folds; decisions are taken then. null: only a replay tells the time. */
    tickEveryMs: z.int().min(10).nullable().default(1_000),
    /** Embedded: wait for the disk at every commit: then loss of power takes nothing; without it, the death of the process takes nothing. */
    fsync: z.boolean().default(false),
    /** How often records past their topic's retention are deleted. */
    expireEveryMinutes: z.number().positive().default(60),
    /** Cluster: how long a start waits for servers that are away, or not ready yet. */
    startTimeoutMs: z.int().min(1_000).default(60_000),
    /** Cluster: where servers are away so long at its start, a gateway in a process of its own starts on what it last knew. */
    lastKnownAfterMs: z.int().min(0).default(5_000),
    /** Cluster: the states kept in memory, bytes, for all services of the process together. */
    stateCacheBytes: z.int().min(0).default(64_000_000),
    kafka: KafkaConfig.optional(),
    mongodb: MongoConfig.optional(),
  })
  .superRefine((c, context) => {
    for (const key of ['kafka', 'mongodb'] as const) {
      if (c.kind === 'cluster' && c[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: 'is needed where platform.kind is cluster' });
      if (c.kind === 'embedded' && c[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'is read only where platform.kind is cluster; set that',
        });
    }
  });
export type PlatformConfig = z.infer<typeof PlatformConfig>;
