import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, Server, ServerCredentials, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { RemoteFeatures } from './remote-features.js';

const PROTO = fileURLToPath(new URL('../../../proto/gyre/v1/feature_store.proto', import.meta.url));

describe('a feature store in another process', () => {
  let server: Server;
  let store: RemoteFeatures;
  /** How long each call's caller waits, ms, as the store sees it. */
  let patience: number[];
  let isSilent: boolean;
  beforeEach(async () => {
    [patience, isSilent] = [[], false];
    server = new Server();
    const { gyre } = loadPackageDefinition(loadSync(PROTO, { keepCase: true })) as never as {
      gyre: { v1: { FeatureStore: ServiceClientConstructor } };
    };
    const answer = (call: { getDeadline(): number | Date }, done: (error: null, nothing: object) => void): void => {
      patience.push(Number(call.getDeadline()) - Date.now());
      if (!isSilent) done(null, {});
    };
    server.addService(gyre.v1.FeatureStore.service, { GetOnlineFeatures: answer, GetPastPredictions: answer });
    const { promise, resolve } = Promise.withResolvers<number>();
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, port) => resolve(port));
    store = new RemoteFeatures(`127.0.0.1:${await promise}`, undefined);
  });
  afterEach(() => {
    store.close();
    server.forceShutdown();
  });
  const ask = (waitsMs: number): Promise<unknown>[] => {
    const deadlineAt = Date.now() + waitsMs;
    return [
      store.get({ inputs: [], entities: [], at: 0, deadlineAt }),
      store.past.find('any', deadlineAt),
      store.past.recent('tides', 1, deadlineAt),
    ];
  };

  it('is told how long its caller waits, however long that is', async () => {
    expect(await Promise.all(ask(100_000))).toEqual([[], null, []]);
    expect(patience.filter((ms) => ms > 50_000 && ms <= 100_000)).toHaveLength(3);
  });

  it('is given up then: features are not to be had, the record is too late', async () => {
    isSilent = true;
    const codes = ask(100).map((asked) => asked.catch(({ code }: { code: string }) => code));
    expect(await Promise.all(codes)).toEqual(['FEATURES_UNAVAILABLE', 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  });
});
