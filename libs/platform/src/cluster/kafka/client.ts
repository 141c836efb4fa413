import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type Cluster, type Kafka as KafkaClient, type LogEntry, type SASLOptions } from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import type { Logger } from '../../logger.js';
import type { KafkaOptions } from '../options.js';
import { compressSnappy, decompressSnappy } from './snappy.js';

const { CompressionCodecs, CompressionTypes, Kafka, PartitionAssigners, logLevel } = kafkajs;

export type { Cluster, KafkaClient };

/** kafkajs brings gzip; readers must take what any producer sends. */
CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => compressSnappy(buffer),
  decompress: async (buffer: Buffer) => decompressSnappy(buffer),
});
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => compressFrame(buffer),
  decompress: async (buffer: Buffer) => decompressFrame(buffer),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer),
});

export const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const;

/**
 * What kafkajs calls an error and is the ordinary course of a group, or of a topic or broker that is new. Who asked tries again, and says so if
 * that does not help.
 */
const ORDINARY =
  /rebalanc|REBALANCE|coordinator|UNKNOWN_MEMBER|not aware of this member|MEMBER_ID_REQUIRED|leadership election|Topic creation errors|does not host this topic|Limiting retries for the idempotent/i;

export function openKafka(options: KafkaOptions, logger: Logger): KafkaClient {
  return new Kafka({
    clientId: 'gyre',
    brokers: [...options.brokers],
    ...(options.tls === undefined ? {} : { ssl: typeof options.tls === 'boolean' ? options.tls : tls(options.tls) }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl as SASLOptions }),
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    // Short here: retries lie one within the other in kafkajs. Whoever calls it tries again, in a time that it states.
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 2 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => pass(entry, logger),
  });
}

/**
 * A connection to the cluster beneath kafkajs's consumers: those read only as members of a group, and a following or a look at a range
 * of a topic is no group. The factory of an assigner is where kafkajs hands its connections out.
 */
export function openCluster(kafka: KafkaClient): Cluster {
  let found: Cluster | undefined;
  kafka.consumer({
    groupId: 'none',
    partitionAssigners: [
      (config) => {
        found = config.cluster;
        return PartitionAssigners.roundRobin(config);
      },
    ],
  });
  return found as Cluster;
}

function pass({ level, log, namespace }: LogEntry, logger: Logger): void {
  const { message, error } = log as { message: string; error?: unknown };
  const text = `${message} ${error === undefined ? '' : String(error)}`.trim();
  if (ORDINARY.test(text)) return;
  logger('warn', `Kafka: ${text}`, { namespace, severity: level === logLevel.ERROR ? 'error' : 'warning' });
}

function tls({ ca, cert, key }: Exclude<KafkaOptions['tls'], boolean | undefined>) {
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
