import { fileURLToPath } from 'node:url';
import { topics, type Predicted } from '@gyre/contracts';
import {
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type Client,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { FeatureStoreConfig } from './feature-store.config.js';
import { FeatureStoreGrpc, type GetOnlineFeaturesRequest } from './feature-store.grpc.js';
import { FeaturesController } from './feature-store.http.js';
import { StoreInTest } from './store-in-test.js';

const MARKET = {
  name: 'market',
  ttl: '100ms',
  fields: { price: { type: 'float', min: 0, nullable: true }, demand: 'int' },
};
const WEATHER = {
  name: 'weather',
  fields: { sky: { type: 'string', enum: ['clear', 'cloudy'] }, secret: { type: 'float', private: true } },
};

describe('feature-store', () => {
  let store: StoreInTest;
  beforeEach(async () => {
    store = await StoreInTest.open({
      views: [MARKET, WEATHER],
      features: ['market.price', 'market.demand', 'weather.sky'],
      partitions: 2,
    });
  });
  afterEach(() => store.close());

  it('serves for each field the newest value by event time, however late an event comes', async () => {
    await store.observe('market', 'nsw', 50, { price: 5 });
    await store.observe('market', 'nsw', 40, { price: 4, demand: 400 });
    await store.observe('weather', 'nsw', 45, { sky: 'cloudy' });
    expect(await store.online('nsw', 60)).toEqual({
      entity: 'nsw',
      values: [5, 400, 'cloudy'],
      status: ['present', 'present', 'present'],
      ageMs: [10, 20, 15],
      seen: { market: 2, weather: 1 },
    });
  });

  it('says what is missing, stale or out of range, and how old it is', async () => {
    await store.observe('market', 'nsw', 0, { demand: 1 });
    await store.observe('market', 'nsw', 90, { price: -1 });
    expect(await store.online('nsw', 101)).toEqual({
      entity: 'nsw',
      values: [-1, null, null],
      status: ['outOfRange', 'stale', 'missing'],
      ageMs: [11, 101, null],
      seen: { market: 2, weather: 0 },
    });
    expect((await store.online('unknown', 0)).status).toEqual(['missing', 'missing', 'missing']);
  });

  it('writes one revision of history for each change, and none for a late event that changes nothing', async () => {
    await store.observe('market', 'nsw', 50, { price: 5, demand: 1 });
    await store.observe('market', 'nsw', 40, { price: 4 });
    await store.observe('market', 'nsw', 45, { price: 9, demand: 9 });
    await store.observe('market', 'vic', 45, { price: 7 });
    await store.observe('market', 'nsw', 50, { price: 6 });
    await store.platform.settled();
    const history = (await store.log(topics.history)).map(({ event: e }) => [
      e.entity,
      e.revision,
      e.fields['price']?.value,
    ]);
    expect(history.filter(([entity]) => entity === 'nsw')).toEqual([
      ['nsw', 1, 5],
      ['nsw', 2, 6],
    ]);
    expect(history).toContainEqual(['vic', 1, 7]);
  });

  it('reads many entities at once, in the order asked for', async () => {
    await store.observe('market', 'a', 1, { price: 1 });
    await store.observe('market', 'b', 1, { price: 2 });
    await store.platform.settled();
    const rows = await store.reader.get({
      inputs: [{ view: 'market', field: 'price' }],
      entities: ['b', 'none', 'a'],
      at: 1,
    });
    expect(rows.map(({ entity, values }) => [entity, values[0]])).toEqual([
      ['b', 2],
      ['none', null],
      ['a', 1],
    ]);
  });

  it.each([
    [{ view: 'nowhere', field: 'x' }, 'VIEW_NOT_FOUND'],
    [{ view: 'market', field: 'x' }, 'FEATURES_MISMATCHED'],
    [{ view: 'weather', field: 'secret' }, 'FEATURES_MISMATCHED'],
  ])('refuses %j', async (input, code) => {
    await expect(store.reader.get({ inputs: [input], entities: ['nsw'], at: 0 })).rejects.toMatchObject({ code });
  });

  it('finds what was predicted by its id, and the newest of a model, whether it lies in the log or in the archive', async () => {
    const predicted = [];
    for (let at = 1; at <= 21; at++) predicted.push(await store.predictTensors([at, at / 4], at));
    await store.platform.settled();
    const asPast = ({ id, model, occurredAt, entity, version, features }: Predicted) => {
      return { id, model, predictedAt: occurredAt, entity, version, features };
    };
    for (const one of predicted) expect(await store.past.find(one.id)).toEqual(asPast(one));
    expect(await store.past.find(predicted[3]!.id.replace(/.$/, '?'))).toBeNull();
    expect(await store.past.find('no id at all')).toBeNull();
    for (const limit of [2, 15])
      expect(await store.past.recent('m', limit)).toEqual(predicted.slice(-limit).map(asPast));
    expect(await store.past.recent('other', 5)).toEqual([]);
  });

  it('answers over gRPC what it answers inside', async () => {
    await store.observe('market', 'nsw', 10, { price: 2.5 });
    await store.observe('weather', 'nsw', 10, { sky: 'clear' });
    await store.platform.settled();
    const features = ['market.price', 'market.demand', 'weather.sky'].map((name) => ({
      view: name.split('.')[0],
      field: name.split('.')[1],
    }));
    expect(
      await overGrpc(new FeatureStoreGrpc(store.reader, store.past), { features, entities: ['nsw'], at_ms: 15 }),
    ).toEqual({
      rows: [
        {
          entity: 'nsw',
          readings: [
            { number: 2.5, value: 'number', status: 1, age_ms: 5, _age_ms: 'age_ms' },
            { status: 2 },
            { text: 'clear', value: 'text', status: 1, age_ms: 5, _age_ms: 'age_ms' },
          ],
          seen: { market: 1, weather: 1 },
        },
      ],
    });
  });

  it('shows an entity over HTTP without private fields', async () => {
    await store.observe('weather', 'nsw', Date.UTC(2026, 0, 1), { sky: 'clear' });
    await store.platform.settled();
    const http = new FeaturesController(store.reader, store);
    expect(await http.features('weather', 'nsw', '2026-01-01T00:00:01Z')).toEqual({
      view: 'weather',
      entity: 'nsw',
      at: Date.UTC(2026, 0, 1, 0, 0, 1),
      revision: 1,
      features: { sky: { value: 'clear', status: 'present', ageMs: 1_000 } },
    });
    await expect(http.features('weather', 'nsw', 'yesterday')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(http.features('nowhere', 'nsw')).rejects.toMatchObject({ code: 'VIEW_NOT_FOUND' });
  });
});

describe('settings', () => {
  it('refuses a batch that never fills, and a misspelt key', () => {
    expect(FeatureStoreConfig.safeParse({ archiveBatchEventsMin: 30_000 }).error?.message).toContain(
      'archiveBatchEventsMin',
    );
    expect(FeatureStoreConfig.safeParse({ archivDir: 'x' }).success).toBe(false);
    expect(FeatureStoreConfig.safeParse({}).success).toBe(true);
  });
});

const PROTO = fileURLToPath(new URL('../../../proto/gyre/v1/feature_store.proto', import.meta.url));

/** Calls the service through a real server and client of the description, loaded as the host loads it. */
async function overGrpc(service: FeatureStoreGrpc, request: object): Promise<unknown> {
  const definition = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true, oneofs: true });
  const { gyre } = loadPackageDefinition(definition) as unknown as {
    gyre: { v1: { FeatureStore: FeatureStoreClient } };
  };
  const server = new Server();
  server.addService(gyre.v1.FeatureStore.service, {
    GetOnlineFeatures: (call: ServerUnaryCall<GetOnlineFeaturesRequest, unknown>, answer: sendUnaryData<unknown>) => {
      service.getOnlineFeatures(call.request).then(
        (value) => answer(null, value),
        (error: Error) => answer(error),
      );
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new gyre.v1.FeatureStore(`127.0.0.1:${port}`, credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) =>
      client.GetOnlineFeatures(request, (error, value) => (error ? reject(error) : resolve(value))),
    );
  } finally {
    client.close();
    server.forceShutdown();
  }
}

type FeatureStoreClient = {
  service: Parameters<Server['addService']>[0];
  new (...args: ConstructorParameters<typeof Client>): Client & {
    GetOnlineFeatures(request: object, answer: (error: Error | null, value: unknown) => void): void;
  };
};
