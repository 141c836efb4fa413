import type { DeadLetterEntry } from '@gyre/contracts';
import { featuresOf, newFile, type RunningGyre, until } from '../harness.js';
import { oneGyre } from './one-gyre.js';

const spec = (maxPressure: number) => `kind: FeatureView
name: pump
entity: pump_id
fields:
  temperature: { type: float, min: -50, max: 150 }
  pressure: { type: float, max: ${maxPressure} }
  owner: { type: string, private: true, nullable: true }
`;

const HOUR = 3_600_000;
const good = { temperature: 20, pressure: 5 };

/** A line as broken producers send it, under an id that is found again. */
const line = (entity: string, values: string, time = new Date().toISOString()) =>
  `{"id":"${entity}","type":"features","view":"pump","entity":"${entity}","time":"${time}","values":${values}}`;

const FAULTS: [string, () => string | Uint8Array, string, RegExp][] = [
  ['a wrong type', () => line('bad-type', '{"temperature":"hot","pressure":5}'), 'BAD_VALUES', /temperature.*number/],
  ['a missing key', () => '{"id":"bad-key","type":"features","view":"pump"}', 'BAD_EVENT', /entity.*time.*values/],
  ['a missing value', () => line('bad-value', '{"temperature":20}'), 'BAD_VALUES', /values\.pressure/],
  ['a value out of range', () => line('bad-range', '{"temperature":151,"pressure":5}'), 'BAD_VALUES', /150/],
  ['NaN', () => line('bad-nan', '{"temperature":NaN,"pressure":5}'), 'NOT_JSON', /NaN and Infinity are no JSON/],
  [
    'a time far ahead',
    () => line('bad-time', JSON.stringify(good), new Date(Date.now() + HOUR).toISOString()),
    ...(['TIME_AHEAD', /3600 s ahead.*at most 300 s/] as [string, RegExp]),
  ],
  [
    'invalid UTF-8',
    () => Buffer.concat([Buffer.from('{"id":"bad-utf8","type":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    ...(['INVALID_UTF8', /not UTF-8/] as [string, RegExp]),
  ],
  [
    '2 MB',
    () => line('bad-size', `{"temperature":20,"pressure":5,"owner":"${'x'.repeat(2_000_000)}"}`),
    ...(['EVENT_TOO_LARGE', /at most 1000000/] as [string, RegExp]),
  ],
  ['an unknown view', () => line('bad-view', '{}').replace('"pump"', '"pumpe"'), 'UNKNOWN_VIEW', /pumpe.*pump/],
];

describe('a record that cannot be taken', () => {
  let running: RunningGyre;
  const letters = async () => {
    await running.settle();
    const { json } = await running.cli<DeadLetterEntry[]>('deadletters', '--limit', '1000');
    return json.filter(({ group }) => group === 'ingestion.accept');
  };
  const temperatureOf = async (entity: string) => {
    const { features } = await running.get<{ features: Record<string, { value: unknown }> }>(
      `/v1/features/pump/${entity}`,
    );
    return features['temperature']?.value;
  };

  beforeAll(async () => {
    running = await oneGyre();
    await running.apply(spec(100));
  });

  it.each(FAULTS)(
    'because of %s is refused with its reason, and its neighbours pass',
    async (fault, bytes, code, why) => {
      const before = (await letters()).length;
      const [left, right] = [`left of ${fault}`, `right of ${fault}`].map((name) => name.replace(/[^a-z0-9]+/gi, '-'));
      await running.send(featuresOf('pump', left as string, good), bytes(), featuresOf('pump', right as string, good));
      const [newest, ...others] = await letters();
      expect(others).toHaveLength(before);
      expect(newest).toMatchObject({ code, group: 'ingestion.accept' });
      expect(newest?.reason).toMatch(why);
      expect(newest?.preview.length).toBeLessThanOrEqual(2_000);
      expect(await temperatureOf(left as string)).toBe(20);
      expect(await temperatureOf(right as string)).toBe(20);
    },
  );

  it('tells nobody its private fields', async () => {
    await running.send(line('bad-private', '{"temperature":"hot","pressure":5,"owner":"Mr Secret"}'));
    expect(JSON.stringify(await letters())).not.toMatch(/Mr Secret/);
  });

  it('is taken once the spec was mended and its dead letter is replayed; what is still wrong comes back', async () => {
    await running.send(
      line('high', '{"temperature":20,"pressure":120}'),
      line('higher', '{"temperature":20,"pressure":999}'),
    );
    const refused = (await letters()).filter(({ preview }) => /"high(er)?"/.test(preview));
    expect(refused.map(({ code }) => code)).toEqual(['BAD_VALUES', 'BAD_VALUES']);
    expect((await running.cli('apply', '-f', newFile('mended.yaml', spec(200)))).code).toBe(0);
    await running.settle();
    const positions = refused.map(({ partition, offset }) => `${partition}:${offset}`);
    const { code, json } = await running.cli('deadletters', 'replay', ...positions);
    expect(code).toBe(0);
    expect(json).toEqual({ replayed: 2, expired: 0 });
    await until('the mended event', async () => ((await temperatureOf('high')) === 20 ? true : undefined));
    expect(await temperatureOf('higher')).toBeNull();
    const again = (await letters()).filter(({ preview }) => /"higher"/.test(preview));
    expect(again).toHaveLength(2);
  });

  it('is taken once only, however often it is sent', async () => {
    const event = featuresOf('pump', 'twice', good);
    await running.send(event, event);
    await running.send({ ...event, values: { temperature: 99, pressure: 5 } });
    await running.settle();
    expect(await temperatureOf('twice')).toBe(20);
    const { revision } = await running.get<{ revision: number }>('/v1/features/pump/twice');
    expect(revision).toBe(1);
  });
});
