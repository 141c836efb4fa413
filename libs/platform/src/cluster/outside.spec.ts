import kafkajs, { type Admin } from 'kafkajs';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { until } from '../contract/harness.js';
import { bytes, range, say, words, type Word } from '../contract/words.js';
import { partitionOf } from '../partitioner.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { KafkaOptions, MongoOptions } from './options.js';

const PARTITIONS = 3;
const AT = partitionOf('a', PARTITIONS);

/** What others do to the topics that Gyre reads. */
describeOnServers('topics that others have a hand in', await testServers(), (servers) => {
  let place: { kafka: KafkaOptions; mongodb: MongoOptions };
  let platform: ClusterPlatform;
  let admin: Admin;
  let errors: [message: string, fields: Record<string, unknown>][] = [];
  let seen: number[] = [];

  const open = async () => {
    platform = await ClusterPlatform.open({
      ...place,
      partitions: PARTITIONS,
      tickEveryMs: null,
      topics: [words, bytes],
      logger: (level, message, fields) => void (level === 'error' && errors.push([message, fields])),
    });
  };
  const read = () =>
    platform.run({ name: 'test.read', inputs: [words], handle: (_: undefined, { n }: Word) => (seen.push(n), {}) });
  /** A group that has read to offset 3 and is away. */
  const readThree = async () => {
    read();
    await platform.append(words, say('a', 0, 1, 2));
    await platform.settled();
    await platform.close();
    seen = [];
  };
  const topic = () => `${place.kafka.prefix}${words.name}`;

  beforeEach(async () => {
    place = JSON.parse(await harness.place()) as typeof place;
    errors = [];
    seen = [];
    admin = new kafkajs.Kafka({ brokers: [servers.kafka], logLevel: 0 }).admin();
    await admin.connect();
    await open();
  });
  afterEach(async () => {
    await platform.close();
    await admin.disconnect();
    await harness.remove(JSON.stringify(place));
  });

  it('says once what was deleted before it was read, and goes on behind it', async () => {
    await readThree();
    await open();
    await platform.append(words, say('a', ...range(3, 8)));
    // kafkajs deletes only in topics that it was asked about before.
    await admin.fetchTopicOffsets(topic());
    await admin.deleteTopicRecords({ topic: topic(), partitions: [{ partition: AT, offset: '6' }] });
    read();
    await until(() => seen.length === 2);
    expect(seen).toEqual([6, 7]);
    expect(errors).toEqual([
      [
        expect.stringMatching(/^test\.read passes over records that were deleted before it had read them/),
        { topic: topic(), partition: AT, from: 3, to: 6 },
      ],
    ]);
  }, 180_000);

  it('says once that a topic was made anew', async () => {
    await readThree();
    await admin.deleteTopics({ topics: [topic()] });
    await until(async () => !(await admin.listTopics()).includes(topic()));
    await open();
    read();
    await until(() => errors.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(errors).toEqual([
      [
        expect.stringMatching(/^test\.read stands past the end of a partition/),
        { topic: topic(), partition: AT, offset: 3, end: 0 },
      ],
    ]);
  }, 180_000);

  it('takes an event for an event, whatever headers an outside producer gives it', async () => {
    const heard: string[] = [];
    platform.run({
      name: 'test.raw',
      inputs: [bytes],
      handle: (_: undefined, event) => (heard.push(Buffer.from(event).toString()), {}),
    });
    const producer = new kafkajs.Kafka({ brokers: [servers.kafka], logLevel: 0 }).producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    const headers = { gyre_tick: '9', ce_source: '/gyre/test.raw/0', ce_id: '1', gyre_origin_topic: 'test.words' };
    await producer.send({
      topic: `${place.kafka.prefix}${bytes.name}`,
      messages: [{ key: 'a', value: 'an event', headers }],
    });
    await producer.disconnect();
    await platform.settled();
    expect(heard).toEqual(['an event']);
  }, 180_000);
});
