import { openKafka } from './kafka/client.js';
import { Topics } from './kafka/topics.js';
import { openMongo } from './mongo/connection.js';
import type { KafkaOptions, MongoOptions } from './options.js';
import { Outage } from './outage.js';

const PATIENCE_MS = 30_000;

/**
 * Deletes what a cluster platform has left in Kafka and MongoDB: all topics and consumer groups of the prefix, and the whole database. No process may
 * be at work there.
 * @throws GyreError PLATFORM_UNAVAILABLE
 */
export async function removeClusterPlatform({ kafka, mongodb }: { kafka: KafkaOptions; mongodb: MongoOptions }) {
  if (kafka.prefix === '') throw new RangeError('without a prefix all of the topics in Kafka would be deleted');
  const silent = () => undefined;
  const settings = { prefix: kafka.prefix, partitions: 1, replication: 1, slackDays: 0, patienceMs: PATIENCE_MS };
  const topics = new Topics(openKafka(kafka, silent), settings, new Outage('Kafka', silent), silent);
  const connection = await openMongo(mongodb, { forMs: PATIENCE_MS, outage: new Outage('MongoDB', silent) });
  try {
    await Promise.all([topics.remove(), connection.dropDatabase()]);
  } finally {
    await Promise.all([topics.close(), connection.close()]);
  }
}
