import { topics } from '@gyre/contracts';
import { describeOnServers, testServers } from '../../../../../tools/servers/index.mjs';
import { range, say, words } from '../../contract/words.js';
import { ClusterPlatform } from '../cluster-platform.js';
import { harness } from '../cluster.harness.js';
import type { ClusterOptions } from '../options.js';
import { Outage } from '../outage.js';
import { openKafka } from './client.js';
import { TopicReader } from './topic-reader.js';

const SMALL = 1_000;
/** Of a batch of so many events. */
const MANY = 2_000;

describeOnServers('single records of a topic', await testServers(), () => {
  let place: Pick<ClusterOptions, 'kafka' | 'mongodb'>;
  let platform: ClusterPlatform;
  let reader: TopicReader;
  /** Bytes of each answer to a fetch. */
  let fetched: number[] = [];

  beforeEach(async () => {
    place = JSON.parse(await harness.place()) as typeof place;
    platform = await ClusterPlatform.open({ ...place, partitions: 1, tickEveryMs: null, topics: [topics.deadletter] });
    const logger = () => undefined;
    const kafka = openKafka(place.kafka, logger);
    const made = kafka.consumer.bind(kafka);
    kafka.consumer = (options) => {
      const consumer = made(options);
      consumer.on('consumer.network.request', ({ payload: { apiName, size } }) => {
        if (apiName === 'Fetch') fetched.push(size);
      });
      return consumer;
    };
    fetched = [];
    reader = new TopicReader(kafka, {
      nameOf: (topic) => `${place.kafka.prefix}${topic}`,
      isRaw: () => false,
      isClosed: () => false,
      outage: new Outage('Kafka', logger),
      logger,
    });
  });
  afterEach(async () => {
    await Promise.all([reader.close(), platform.close()]);
    await harness.remove(JSON.stringify(place));
  });
  const numbers = async (offsets: number[]) =>
    [...(await reader.some(words.name, 0, offsets))].map(([offset, { data }]) => [
      offset,
      (JSON.parse(String(data)) as { n: number }).n,
    ]);

  it('come with one page where they lie together, whatever their order, and the absent are left out', async () => {
    for (const n of range(0, 20)) await platform.append(words, say('a', n));
    expect(await numbers([17, 3, 3, -1, 11, 4, 99])).toEqual([
      [3, 3],
      [4, 4],
      [11, 11],
      [17, 17],
    ]);
    expect(fetched).toHaveLength(1);
  });

  it('come without what lies between where they lie apart', async () => {
    await platform.append(words, say('a', 0));
    for (let i = 0; i < 3; i++) await platform.append(words, say('a', ...range(0, MANY)));
    await platform.append(words, say('a', 1));
    expect(await numbers([3 * MANY + 1, 0])).toEqual([
      [0, 0],
      [3 * MANY + 1, 1],
    ]);
    expect(fetched).toHaveLength(2);
    expect(Math.max(...fetched)).toBeLessThan(SMALL);
  });
});
