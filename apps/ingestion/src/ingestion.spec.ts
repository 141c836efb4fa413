import {
  EVENT_BYTES_MAX,
  predictionId,
  routingHash,
  topics,
  type DeadLetter,
  type Lifecycle,
  type Topic,
} from '@gyre/contracts';
import { Catalog, readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform, type Platform } from '@gyre/platform';
import { accept } from './accept.js';
import { splitBody } from './split-body.js';

const SPECS = readSpecs(
  `kind: FeatureView
name: market
entity: region
fields:
  price: { type: float, min: 0, max: 1000 }
  demand: { type: float, nullable: true }
  owner: { type: string, nullable: true, private: true }
---
kind: Model
name: up
features: [market.price]
label: { name: y, type: binary }
`,
  'spec.yaml',
);
const NOW = Date.parse('2026-11-22T12:00:00Z');

const FOR_ENTITY = { id: 'l', type: 'label', model: 'up', entity: 'a', value: 1, time: '2026-11-22T11:59:00Z' };

let platform: EmbeddedPlatform;
beforeEach(() => {
  platform = EmbeddedPlatform.inMemory({ partitions: 2, tickEveryMs: null, clock: () => NOW });
  const view = (name: string) => SPECS.views.find((one) => one.name === name);
  const model = (name: string) => SPECS.models.find((one) => one.name === name);
  const specs = { view, model, views: () => SPECS.views, isKnownUpTo: () => true };
  platform.run(accept({ ...specs, distinctWithin: 1_000 }));
});
afterEach(() => platform.close());

const event = (changes: Record<string, unknown> = {}) => ({
  id: 'e1',
  type: 'features',
  view: 'market',
  entity: 'NSW',
  time: '2026-11-22T11:59:00Z',
  values: { price: 12.5 },
  ...changes,
});

/** Sends a body as HTTP would, and waits until it is through. */
async function send(body: string | Uint8Array, contentType = 'application/x-ndjson'): Promise<void> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  await platform.appendRaw(topics.ingest, splitBody(bytes, contentType));
  await platform.settled();
}
const sendJson = (...events: unknown[]) => send(events.map((one) => JSON.stringify(one)).join('\n'));

async function all<E>(topic: Topic<E>, on: Platform = platform): Promise<E[]> {
  const events: E[] = [];
  for await (const record of on.read(topic)) events.push(record.event);
  return events;
}
const refusal = async (): Promise<DeadLetter> => {
  const letters = await all(topics.deadletter);
  expect(letters).toHaveLength(1);
  return letters[0] as DeadLetter;
};

describe('specs that were applied just before an event', () => {
  const applied: Lifecycle[] = [
    ...SPECS.views.map((spec) => ({ type: 'ViewApplied' as const, spec })),
    ...SPECS.models.map((spec) => ({ type: 'ModelApplied' as const, spec })),
  ].map((event) => ({ ...event, model: event.spec.name, occurredAt: NOW, actor: 'ops', reason: 'in a test' }));
  const LABEL = { ...FOR_ENTITY, at: '2026-11-22T11:59:00Z' };

  it('count, though the process has not read them yet', async () => {
    const catalog = new Catalog();
    let read = (): void => undefined;
    const reading = new Promise<void>((resolve) => (read = resolve));
    const late = EmbeddedPlatform.inMemory({ partitions: 1, tickEveryMs: null, clock: () => NOW });
    try {
      const name = 'hosting.catalog';
      const following = { name, caughtUp: () => reading, stop: async () => undefined };
      await Promise.race([catalog.open({ follow: () => following } as unknown as Platform), Promise.resolve()]);
      late.run(accept({ ...specsOf(catalog), distinctWithin: 1_000 }));
      await late.appendRaw(topics.ingest, splitBody(new TextEncoder().encode(JSON.stringify([event(), LABEL])), ''));
      setTimeout(() => {
        for (const each of applied) catalog.apply(each);
        read();
      }, 50);
      await late.settled();
      expect([await all(topics.features, late), await all(topics.feedback, late)]).toMatchObject([
        [{ event: 'e1' }],
        [{ event: 'l' }],
      ]);
      expect(await all(topics.deadletter, late)).toEqual([]);
    } finally {
      await late.close();
    }
  });

  it('are waited for once, however many events name what does not exist', async () => {
    const catalog = new Catalog();
    await catalog.open(platform);
    const other = EmbeddedPlatform.inMemory({ partitions: 1, tickEveryMs: null, clock: () => NOW });
    try {
      other.run(accept({ ...specsOf(catalog), distinctWithin: 1_000 }));
      const events = Array.from({ length: 500 }, (_, i) => event({ id: `e${i}`, view: 'nowhere' }));
      await other.appendRaw(topics.ingest, splitBody(new TextEncoder().encode(JSON.stringify(events)), ''));
      const started = performance.now();
      await other.settled();
      expect(performance.now() - started).toBeLessThan(5_000);
      const codes = (await all<DeadLetter>(topics.deadletter, other)).map(({ code }) => code);
      expect(codes).toEqual(Array.from({ length: 500 }, () => 'UNKNOWN_VIEW'));
    } finally {
      await other.close();
    }
  });
});

function specsOf(catalog: Catalog): Omit<Parameters<typeof accept>[0], 'distinctWithin'> {
  return {
    view: (name) => catalog.view(name),
    model: (name) => catalog.model(name),
    views: () => catalog.allViews(),
    isKnownUpTo: (appendedAt) => catalog.isKnownUpTo(appendedAt),
  };
}

describe('ingestion', () => {
  it('passes features on without their private fields', async () => {
    await sendJson(event({ values: { price: 12.5, demand: null, owner: 'Jane' } }));
    expect(await all(topics.features)).toEqual([
      {
        event: 'e1',
        view: 'market',
        entity: 'NSW',
        occurredAt: Date.parse('2026-11-22T11:59:00Z'),
        values: { price: 12.5, demand: null },
      },
    ]);
  });

  it('takes the first event with an id, and drops its repeats, in the same request or a later one', async () => {
    await sendJson(event(), event({ values: { price: 99 } }));
    await sendJson(event({ values: { price: 98 } }), event({ id: 'e2' }));
    expect((await all(topics.features)).map(({ event: id, values }) => [id, values['price']])).toEqual([
      ['e1', 12.5],
      ['e2', 12.5],
    ]);
  });

  it('lets a refused event be sent again under its id, mended', async () => {
    await sendJson(event({ values: { price: 'twelve' } }));
    await sendJson(event());
    expect(await all(topics.features)).toHaveLength(1);
  });

  it.each<[string, string | Uint8Array, string, RegExp]>([
    [
      'a wrong type',
      JSON.stringify(event({ values: { price: '12' } })),
      'BAD_VALUES',
      /values\.price is a text; expected a finite number from 0 to 1000/,
    ],
    ['a missing key', JSON.stringify(event({ entity: undefined })), 'BAD_EVENT', /entity: /],
    ['a missing value', JSON.stringify(event({ values: { demand: 1 } })), 'BAD_VALUES', /values\.price is missing/],
    ['a NaN', JSON.stringify(event()).replace('12.5', 'NaN'), 'NOT_JSON', /NaN and Infinity are no JSON/],
    ['an Infinity by overflow', JSON.stringify(event()).replace('12.5', '1e999'), 'BAD_VALUES', /price is Infinity/],
    ['a value out of range', JSON.stringify(event({ values: { price: 1_001 } })), 'BAD_VALUES', /out of range/],
    [
      'an unknown field',
      JSON.stringify(event({ values: { price: 1, prize: 2 } })),
      'BAD_VALUES',
      /values\.prize is no field of the view/,
    ],
    ['an unknown view', JSON.stringify(event({ view: 'markt' })), 'UNKNOWN_VIEW', /"markt"; there are: market/],
    ['an unknown key', JSON.stringify(event({ extra: 1 })), 'BAD_EVENT', /extra/],
    ['an unknown type', JSON.stringify(event({ type: 'feature' })), 'BAD_EVENT', /type: must be "features" or "label"/],
    [
      'a far-future time',
      JSON.stringify(event({ time: '2999-01-01T00:00:00Z' })),
      'TIME_AHEAD',
      /ahead of the event's arrival; at most 300 s/,
    ],
    ['no time at all', JSON.stringify(event({ time: 'yesterday' })), 'BAD_EVENT', /time: must be an ISO 8601/],
    [
      'a label for a time to come',
      JSON.stringify({ ...FOR_ENTITY, at: '2026-11-23T12:00:00Z' }),
      'TIME_AHEAD',
      /^at: .* at most 300 s/,
    ],
    [
      'a label for a time before 1970',
      JSON.stringify({ ...FOR_ENTITY, at: '1969-12-31T23:59:59Z' }),
      'BAD_EVENT',
      /at: .*before 1970/,
    ],
    [
      'a label for a prediction to come',
      JSON.stringify({
        id: 'l',
        type: 'label',
        prediction: predictionId({ routing: routingHash('up', 'a'), predictedAt: NOW + 300_001, unique: 'u' }),
        value: 1,
        time: '2026-11-22T11:59:00Z',
      }),
      'BAD_PREDICTION_ID',
      /a time that has not come/,
    ],
    ['invalid UTF-8', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), 'INVALID_UTF8', /not UTF-8/],
    ['no JSON', 'hello', 'NOT_JSON', /not JSON/],
    [
      'lists in lists without end',
      JSON.stringify(event()).replace('12.5', `${'['.repeat(20_000)}${']'.repeat(20_000)}`),
      'BAD_EVENT',
      /^event: its lists and objects lie more than 64 deep/,
    ],
    [
      'a label for no class',
      JSON.stringify({
        id: 'l',
        type: 'label',
        model: 'up',
        prediction: predictionId({ routing: routingHash('up', 'a'), predictedAt: 1, unique: 'u' }),
        value: 7,
        time: '2026-11-22T11:59:00Z',
      }),
      'UNKNOWN_CLASS',
      /one of \[0,1\]/,
    ],
    [
      'a label for no prediction id',
      JSON.stringify({ id: 'l', type: 'label', prediction: 'x', value: 1, time: '2026-11-22T11:59:00Z' }),
      'BAD_PREDICTION_ID',
      /is no prediction id/,
    ],
  ])('refuses %s with a reason, and the stream goes on', async (_, bad, code, reason) => {
    await send(bad);
    await sendJson(event({ id: 'next' }));
    const letter = await refusal();
    expect(letter.code).toBe(code);
    expect(letter.reason).toMatch(reason);
    expect(letter).toMatchObject({ group: 'ingestion.accept', topic: 'gyre.ingest' });
    expect((await all(topics.features)).map((one) => one.event)).toEqual(['next']);
  });

  it('shows an operator what was refused, but nothing private', async () => {
    await sendJson(event({ values: { price: -1, owner: 'Jane' } }));
    const { preview, reason } = await refusal();
    expect(preview).toContain('"price":-1');
    expect(preview + reason).not.toContain('Jane');
  });

  it('shows no value of an unknown view, for nobody can say which are private', async () => {
    await sendJson(event({ view: 'later', values: { nickname: 'Jane' } }));
    const { preview } = await refusal();
    expect(JSON.parse(preview)).toMatchObject({ id: 'e1', values: '(private)' });
  });

  it.each([
    ['its values encoded twice', event({ values: '{"owner":"Jane"}' })],
    ['its values as a text', event({ values: 'owner=Jane' })],
    ['all of it encoded twice', JSON.stringify(event({ values: { owner: 'Jane' } }))],
    ['a list', [event({ values: { owner: 'Jane' } })]],
    ['an unknown member that holds it', event({ data: '{"owner":"Jane"}' })],
    ['a misspelt private field', event({ values: { price: 1, ownr: 'Jane' } })],
    ['a private value in another field', event({ values: { price: 'Jane' } })],
    ['a private value inside another field', event({ values: { price: { owner: 'Jane' } } })],
    ['a private value where the id should be', event({ id: { owner: 'Jane' } })],
    ['a private value in a view of its own', event({ view: 'later', values: { price: 'Jane' } })],
    ['a private value under the name of the type', event({ type: 'Jane' })],
  ])('lets no private value out of an event with %s', async (_, bad) => {
    await sendJson(bad, event({ id: 'next' }));
    const letter = await refusal();
    expect(JSON.stringify(letter)).not.toContain('Jane');
    expect(letter.preview).toContain('(private)');
  });

  it('tells in plain words what a member must be', async () => {
    await sendJson({ ...FOR_ENTITY, id: '', value: null });
    expect((await refusal()).reason).toBe(
      'id: must be a text of 1 to 200 characters; value: must be a text, a number, true or false',
    );
  });

  it('takes the elements of an array as the bytes that they are', async () => {
    const text = ' [ {"id":"a","s":"],\\"[{"} ,[1,[2]], 1e999,"\\\\" , {} ] ';
    const decoder = new TextDecoder();
    const split = splitBody(new TextEncoder().encode(text), 'application/json');
    expect(split.map(({ key, bytes }) => [key, decoder.decode(bytes).trim()])).toEqual([
      ['a', '{"id":"a","s":"],\\"[{"}'],
      ['', '[1,[2]]'],
      ['', '1e999'],
      ['', '"\\\\"'],
      ['', '{}'],
    ]);
    expect(splitBody(new TextEncoder().encode('[ ]'), 'application/json')).toEqual([]);
  });

  it('takes an array apart though one of its events is deeper than any parser should go', async () => {
    const deep = `{"id":"deep","values":${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}}`;
    await send(
      `[${JSON.stringify(event({ id: 'a' }))}, ${deep} ,${JSON.stringify(event({ id: 'b' }))}]`,
      'application/json',
    );
    expect((await refusal()).reason).toMatch(/more than 64 deep/);
    expect((await all(topics.features)).map((one) => one.event).sort()).toEqual(['a', 'b']);
  });

  it('splits megabytes of brackets in a moment, for it does not parse them', () => {
    const brackets = new TextEncoder().encode('['.repeat(8_000_000));
    const heap = process.memoryUsage().heapUsed;
    const before = process.cpuUsage();
    const split = ['application/json', 'application/x-ndjson'].map((type) => splitBody(brackets, type));
    const { user } = process.cpuUsage(before);
    expect(split).toMatchObject([[{ key: '' }], [{ key: '' }]]);
    expect(user).toBeLessThan(1_500_000);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(100e6);
  });

  it('gives no reason longer than a person reads', async () => {
    const values = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`field${i}`, i]));
    await sendJson(event({ values }));
    const { code, reason } = await refusal();
    expect([code, reason.length]).toEqual(['BAD_VALUES', 2_000]);
  });

  it('refuses an array that is not UTF-8, whole', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify([event({ entity: '~' })]));
    await send(bytes.with(bytes.indexOf(0x7e), 0xff), 'application/json');
    expect((await refusal()).code).toBe('INVALID_UTF8');
  });

  it('shows nothing of what is no JSON, for it may hold private fields', async () => {
    await send('{"id":"e1","values":{"owner":"Jane"');
    const { preview, reason } = await refusal();
    expect(preview + reason).not.toContain('Jane');
  });

  it('refuses to append what is over the limit', async () => {
    const large = JSON.stringify(event({ values: { price: 1, owner: 'x'.repeat(EVENT_BYTES_MAX) } }));
    await expect(send(large)).rejects.toMatchObject({ code: 'EVENT_TOO_LARGE' });
  });

  it('takes one event, an array, or one a line', async () => {
    await send(JSON.stringify(event({ id: 'a' })), 'application/json');
    await send(JSON.stringify([event({ id: 'b' }), event({ id: 'c' })]), 'application/json');
    await send(`${JSON.stringify(event({ id: 'd' }))}\n\n${JSON.stringify(event({ id: 'e' }))}\r\n`);
    expect((await all(topics.features)).map((one) => one.event).sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
