import { randomUUID } from 'node:crypto';
import { topics } from '@gyre/contracts';
import { testServers } from '../../../../tools/servers/index.mjs';
import type { PlatformHarness } from '../contract/harness.js';
import { ClusterPlatform } from './cluster-platform.js';
import { openMongo } from './mongo/connection.js';
import { Outage } from './outage.js';
import { removeClusterPlatform } from './remove.js';
import { CLUSTER_STEPS, type ClusterOptions, type KafkaOptions, type MongoOptions } from './options.js';

interface Place {
  kafka: KafkaOptions;
  mongodb: MongoOptions;
}

const PARTITIONS = 3;

/** The cluster platform as the contract suite takes it: a place is a prefix in Kafka and a database in MongoDB, both of its own. */
export const harness: PlatformHarness = {
  name: 'cluster',
  module: import.meta.url,
  steps: CLUSTER_STEPS,
  secondOwner: 'takes over',
  place: async () => {
    const servers = await testServers();
    if ('missing' in servers) throw new Error(servers.missing);
    const name = `t${randomUUID().slice(0, 8)}`;
    const place: Place = {
      kafka: {
        brokers: [servers.kafka],
        prefix: `${name}.`,
        replication: 1,
        compression: 'none',
        sessionTimeoutMs: 1_500,
        heartbeatEveryMs: 200,
        fetchWaitMs: 50,
        // Some tests have clocks that began in 1970.
        retentionSlackDays: 100_000,
      },
      mongodb: { url: servers.mongodb, database: name },
    };
    return JSON.stringify(place);
  },
  open: (place, options = {}) => ClusterPlatform.open(optionsOf(place, options)),
  remove: async (place) => {
    await removeClusterPlatform(JSON.parse(place) as Place);
  },
  spoil: async (place, sha256) => {
    const connection = await openMongo((JSON.parse(place) as Place).mongodb, {
      forMs: 0,
      outage: new Outage('MongoDB', () => undefined),
    });
    const file = await connection.collection('artifacts.files').findOne({ filename: sha256 });
    await connection
      .collection('artifacts.chunks')
      .updateOne({ files_id: file?._id }, { $set: { data: Buffer.from('spoilt') } });
    await connection.close();
  },
};

function optionsOf(place: string, options: Partial<ClusterOptions>): ClusterOptions {
  const { kafka, mongodb } = JSON.parse(place) as Place;
  return { kafka, mongodb, partitions: PARTITIONS, tickEveryMs: null, topics: [topics.deadletter], ...options };
}
