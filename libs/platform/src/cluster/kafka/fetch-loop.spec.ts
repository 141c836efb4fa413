import { setTimeout as pause } from 'node:timers/promises';
import { Outage } from '../outage.js';
import type { Cluster, KafkaClient } from './client.js';
import { FetchLoop } from './fetch-loop.js';

/** A broker that holds one record a partition, and takes its time. */
class SlowBroker {
  asked = 0;
  /** The first so many fetches fail. */
  failing = 1;
  /** Fetches under way, the most at a time. */
  most = 0;
  #underWay = 0;

  readonly fetch = async ({ topics }: { topics: { topic: string; partitions: Asked[] }[] }) => {
    this.asked += 1;
    this.#underWay += 1;
    this.most = Math.max(this.most, this.#underWay);
    try {
      await pause(this.asked <= this.failing ? 20 : 300);
      if (this.asked <= this.failing) throw new Error('Request Fetch timed out');
      const responses = topics.map(({ topic, partitions }) => ({
        topicName: topic,
        partitions: partitions.map(({ partition, fetchOffset }) => ({
          partition,
          abortedTransactions: [],
          messages: fetchOffset === '0' ? [message] : [],
        })),
      }));
      return { responses };
    } finally {
      this.#underWay -= 1;
    }
  };
}
interface Asked {
  partition: number;
  fetchOffset: string;
}
const message = { offset: '0', key: Buffer.from('a'), value: Buffer.from('{}'), timestamp: '0', headers: {} };

describe('a reader of partitions', () => {
  it('gives each record once, also where it reads more partitions just when a broker has failed it', async () => {
    const broker = new SlowBroker();
    const cluster = {
      connect: async () => undefined,
      disconnect: async () => undefined,
      isConnected: () => true,
      refreshMetadata: async () => undefined,
      addMultipleTargetTopics: async () => undefined,
      findLeaderForPartitions: (_: string, partitions: number[]) => ({ 1: partitions }),
      findBroker: async () => broker,
    } as unknown as Cluster;
    const kafka = {
      consumer: ({ partitionAssigners }: { partitionAssigners: ((config: object) => unknown)[] }) =>
        partitionAssigners[0]?.({ cluster, groupId: 'none', logger: { debug: () => undefined } }),
    } as unknown as KafkaClient;
    const loop = new FetchLoop(kafka, 'test', 10, new Outage('Kafka', () => undefined), () => undefined);
    const open = (partition: number) => loop.open('words', partition, 0, false, () => undefined);

    const first = open(0);
    while (broker.asked === 0) await pause(1);
    await pause(40);
    const second = open(1);
    while ([first, second].some(({ records }) => records.length === 0)) await pause(5);
    // As long as another reader would take to bring them once more.
    await pause(500);
    await loop.close();
    expect([first, second].map(({ records }) => records.map(({ offset }) => offset))).toEqual([[0], [0]]);
    expect(broker.most).toBe(1);
  });
});
