import { execFileSync } from 'node:child_process';
import kafkajs from 'kafkajs';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { all } from '../contract/harness.js';
import { range, words, type Word } from '../contract/words.js';
import { partitionOf } from '../partitioner.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { KafkaOptions, MongoOptions } from './options.js';

const PARTITIONS = 7;
/** Keys of every length modulo 4, and beyond ASCII; enough text in each event that it is worth compressing. */
const WORDS: Word[] = range(0, 500).map((n) => ({ key: `${'é'.repeat(n % 3)}${'the same again '.repeat(9)}${n}`, n }));
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** kcat stands on librdkafka, as the clients of most languages do; the broker compresses as Java's clients do. */
describeOnServers('beside other clients of Kafka', withKcat(await testServers()), (servers) => {
  let place: { kafka: KafkaOptions; mongodb: MongoOptions };
  let platform: ClusterPlatform;
  const topic = (): string => `${place.kafka.prefix}${words.name}`;
  const kcat = (args: readonly string[], input = ''): string =>
    execFileSync('kcat', ['-b', servers.kafka, '-t', topic(), ...args], { input, encoding: 'utf8', timeout: 60_000 });
  const open = async (compression: (typeof CODECS)[number]) => {
    place = JSON.parse(await harness.place()) as typeof place;
    place.kafka.compression = compression;
    platform = await ClusterPlatform.open({ ...place, partitions: PARTITIONS, tickEveryMs: null, topics: [words] });
  };
  afterEach(async () => {
    await platform.close();
    await harness.remove(JSON.stringify(place));
  });

  it.each(CODECS)(
    'reads what they wrote with compression %s, each key from the partition where it looks for it itself',
    async (codec) => {
      await open('none');
      const lines = WORDS.map((word) => `${word.key}\t${JSON.stringify(word)}\n`).join('');
      const produce = ['-P', '-K', '\t', '-z', codec, '-X', 'topic.partitioner=murmur2', '-X', 'linger.ms=100'];
      kcat(produce, lines);
      const seen = (await all(platform.read(words))).sort((a, b) => a.event.n - b.event.n);
      expect(seen.map(({ event }) => event)).toEqual(WORDS);
      expect(seen.map(({ partition }) => partition)).toEqual(WORDS.map(({ key }) => partitionOf(key, PARTITIONS)));
    },
    60_000,
  );

  it.each(['gzip', 'snappy', 'lz4', 'zstd'])(
    'reads what a broker compresses anew with %s',
    async (codec) => {
      await open('none');
      const admin = new kafkajs.Kafka({ brokers: [servers.kafka], logLevel: 0 }).admin();
      const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic() };
      const configEntries = [{ name: 'compression.type', value: codec }];
      await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
      await admin.disconnect();
      await platform.append(words, WORDS);
      const seen = (await all(platform.read(words))).map(({ event }) => event);
      expect(seen.sort((a, b) => a.n - b.n)).toEqual(WORDS);
    },
    60_000,
  );

  it.each(CODECS)(
    'writes what they read, with compression %s: the key, the JSON, and what it is in CloudEvents headers',
    async (codec) => {
      await open(codec);
      await platform.append(words, WORDS.slice(0, 100));
      const [word] = WORDS as [Word];
      await platform.appendAs('a/producer', words, [{ sequence: 77, event: word }]);
      const shown = kcat(['-C', '-e', '-q', '-o', 'beginning', '-f', '%k\t%s\t%h\n']).trim().split('\n');
      const records = shown.map((line) => line.split('\t') as [key: string, value: string, headers: string]);
      const heard = records.map(([key, value]) => ({ key, event: JSON.parse(value) as Word }));
      heard.sort((a, b) => a.event.n - b.event.n);
      const written = [word, ...WORDS.slice(0, 100)];
      expect(heard).toEqual(written.map((event) => ({ key: event.key, event })));
      const headers = records.map(
        ([, , text]) => new Map(text.split(',').map((pair) => pair.split('=') as [string, string])),
      );
      const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
      const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
      const alike = {
        ce_specversion: '1.0',
        ce_type: words.name,
        ce_time: isoTime,
        'content-type': 'application/json',
      };
      const own = headers
        .filter((each) => each.get('ce_source') === '/gyre/a/producer')
        .map((each) => Object.fromEntries(each));
      expect(own).toEqual([{ ...alike, ce_id: '77', ce_source: '/gyre/a/producer' }]);
      const others = headers
        .map((each) => Object.fromEntries(each))
        .filter(({ ce_source: source }) => source === '/gyre');
      expect(others).toEqual(Array.from({ length: 100 }, () => ({ ...alike, ce_id: uuid, ce_source: '/gyre' })));
      expect(new Set(others.map(({ ce_id: id }) => id)).size).toBe(100);
    },
    60_000,
  );
});

function withKcat(servers: Awaited<ReturnType<typeof testServers>>): typeof servers {
  try {
    execFileSync('kcat', ['-V'], { stdio: 'ignore' });
    return servers;
  } catch {
    const missing = 'kcat is not on the PATH (Debian: apt-get install kcat)';
    // Where everything is to run for real, nothing is passed by.
    if (process.env['GYRE_TEST_SERVERS'] === 'required') throw new Error(missing);
    return { missing };
  }
}
