import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { topics } from '@gyre/contracts';
import kafkajs from 'kafkajs';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import type { Platform } from '../platform.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { ClusterOptions } from './options.js';

type Place = Pick<ClusterOptions, 'kafka' | 'mongodb'>;

describeOnServers('a start on Apache Kafka and MongoDB', await testServers(), (servers) => {
  let place: Place;
  const open = (changed: Partial<Place>, startTimeoutMs = 30_000) =>
    ClusterPlatform.open({
      ...place,
      ...changed,
      partitions: 3,
      tickEveryMs: null,
      startTimeoutMs,
      topics: Object.values(topics),
    });
  const kafkaAt = (address: string) => ({ kafka: { ...place.kafka, brokers: [address] } });

  beforeEach(async () => {
    place = JSON.parse(await harness.place()) as Place;
  });

  it.each([
    [
      'its number of partitions',
      { numPartitions: 5 },
      /has 5 partitions, the settings say 3.*platform\.partitions to 5/,
    ],
    [
      'that it is compacted',
      { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
      /cleanup\.policy compact/,
    ],
    [
      'that its records are deleted too early',
      {
        configEntries: [
          { name: 'max.message.bytes', value: '9000000' },
          { name: 'retention.ms', value: '60000' },
        ],
      },

      /keeps records for 60000 ms.*needs -1, for ever/,
    ],
    [
      'the length of the batches that it takes',
      { configEntries: [{ name: 'max.message.bytes', value: '1048588' }] },
      /takes batches of 1048588 bytes at most \(max\.message\.bytes\).*Set it to 9000000 or more/,
    ],
  ])(
    'refuses a topic that is there and disagrees with the settings by %s',
    async (_, made, message) => {
      const topic = `${place.kafka.prefix}${topics.lifecycle.name}`;
      const admin = new kafkajs.Kafka({ brokers: [servers.kafka], logLevel: 0 }).admin();
      // kafkajs's wait for leaders fails where the broker has not heard of the topic yet.
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 3, ...made }] });
      await admin.disconnect();
      await expect(open({})).rejects.toMatchObject({
        code: 'TOPIC_MISMATCHED',
        message: expect.stringMatching(message) as string,
        details: { topic },
      });
      await harness.remove(JSON.stringify(place));
    },
    60_000,
  );

  it('is made by many processes at once', async () => {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => open({})));
    const platforms = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value as Platform] : []));
    await Promise.all(platforms.map((each) => each.close()));
    await harness.remove(JSON.stringify(place));
    expect(opened.filter(({ status }) => status === 'rejected')).toEqual([]);
  }, 180_000);

  it('waits for a Kafka that is not there yet', async () => {
    const port = await freePort();
    const opening = open(kafkaAt(`127.0.0.1:${port}`));
    await new Promise((resolve) => setTimeout(resolve, 700));
    const [host, real] = servers.kafka.split(':');
    const door = createServer((socket) => {
      const inner = connect(Number(real), host);
      socket.on('error', () => inner.destroy()).pipe(inner);
      inner.on('error', () => socket.destroy()).pipe(socket);
    });
    await once(door.listen(port, '127.0.0.1'), 'listening');
    await (await opening).close();
    door.close();
    await harness.remove(JSON.stringify(place));
  }, 180_000);

  it.each([
    ['Kafka', async () => kafkaAt(`127.0.0.1:${await freePort()}`), /^Kafka could not .* for 1 s: .*platform\.kafka/],
    [
      'MongoDB',
      async () => ({ mongodb: { url: `mongodb://127.0.0.1:${await freePort()}`, database: 'none' } }),
      /^MongoDB cannot be reached: .*platform\.mongodb/,
    ],
  ])(
    'says what to look at when %s is away for longer than it waits',
    async (_, changed, message) => {
      await expect(open(await changed(), 1_000)).rejects.toMatchObject({
        code: 'PLATFORM_UNAVAILABLE',
        message: expect.stringMatching(message) as string,
      });
    },
    30_000,
  );
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
