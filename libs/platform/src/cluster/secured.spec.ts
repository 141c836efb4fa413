import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnServers, testServers } from '../../../../tools/servers/index.mjs';
import { startSecuredKafka, type SecuredKafka } from '../../../../tools/servers/secured-kafka.mjs';
import { all, until } from '../contract/harness.js';
import { echoes, say, words } from '../contract/words.js';
import { publish } from '../task.js';
import { ClusterPlatform } from './cluster-platform.js';
import { harness } from './cluster.harness.js';
import type { KafkaOptions, MongoOptions } from './options.js';

const user = { username: 'gyre', password: 'a-secret-of-the-broker' };
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const secured = await startSecuredKafka(mkdtempSync(join(tmpdir(), 'gyre-secured-')), user).catch((error: Error) => {
  if (error.message.startsWith('no secured Kafka can be started here')) return { missing: error.message };
  throw error;
});

describeOnServers('on a Kafka that asks who comes', 'missing' in secured ? secured : await testServers(), () => {
  const kafka = secured as SecuredKafka;
  const text = (name: keyof SecuredKafka['files']): string => readFileSync(kafka.files[name], 'utf8');
  let place: { kafka: KafkaOptions; mongodb: MongoOptions };
  const open = (changed: Partial<KafkaOptions>) => {
    place = { ...place, kafka: { ...place.kafka, ...changed } };
    return ClusterPlatform.open({ ...place, partitions: 2, tickEveryMs: null, topics: [words, echoes] });
  };
  const expectToWork = async (changed: Partial<KafkaOptions>) => {
    const platform = await open(changed);
    platform.run({
      name: 'test.echo',
      inputs: [words],
      handle: (_, word) => ({ publish: [publish(echoes, word)] }),
    });
    await platform.append(words, say('a', 1, 2, 3));
    await until(async () => (await all(platform.read(echoes))).length === 3);
    await platform.close();
    await harness.remove(JSON.stringify(place));
  };

  beforeEach(async () => {
    place = JSON.parse(await harness.place()) as typeof place;
  });
  afterAll(() => kafka.stop());

  it.each(MECHANISMS)(
    'works over TLS with %s',
    async (mechanism) => {
      await expectToWork({ brokers: [kafka.sasl], tls: { ca: text('ca') }, sasl: { mechanism, ...user } });
    },
    60_000,
  );

  it('works over TLS with a certificate of its own', async () => {
    const tls = { ca: text('ca'), cert: text('cert'), key: text('key') };
    await expectToWork({ brokers: [kafka.certificates], tls });
  }, 180_000);

  it.each(MECHANISMS)('says at once that %s does not take the password', async (mechanism) => {
    const sasl = { mechanism, ...user, password: 'another' };
    await expect(open({ brokers: [kafka.sasl], tls: { ca: text('ca') }, sasl })).rejects.toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
      message: expect.stringMatching(/would not help: see platform\.kafka, its credentials/) as string,
    });
  });

  it('says that the certificate of a broker is of an authority that it does not trust', async () => {
    const refused = ClusterPlatform.open({
      ...place,
      kafka: { ...place.kafka, brokers: [kafka.sasl], tls: true, sasl: { mechanism: 'plain', ...user } },
      partitions: 2,
      tickEveryMs: null,
      topics: [words],
      startTimeoutMs: 1_000,
    });
    await expect(refused).rejects.toMatchObject({
      code: 'PLATFORM_UNAVAILABLE',
      message: expect.stringMatching(/certificate/) as string,
    });
  });
});
