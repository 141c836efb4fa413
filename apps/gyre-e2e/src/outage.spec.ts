import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeOnServers, testServers } from '../../../tools/servers/index.mjs';
import { cluster, settingsOf } from './deployment.js';
import { Api, Child, featuresOf, newDirectory, newFile, until, type InferAnswer, type Reply } from './harness.js';
import { OwnServers } from './own-servers.js';

const NAMES = ['ingestion', 'feature-store', 'gateway', 'registry'];
const SPEC = `kind: FeatureView
name: machine
entity: machine_id
fields: { temperature: float }
---
kind: Model
name: failure
features: [machine.*]
label: { name: failed, type: binary, horizon: 1h }
fallback: { rules: [{ when: { machine.temperature: { min: 60 } }, value: 1 }], value: 0 }
`;

describeOnServers('what an operator sees while MongoDB is away', await testServers(), () => {
  let servers: OwnServers;
  beforeAll(async () => {
    servers = await OwnServers.start();
  }, 300_000);
  afterAll(() => servers.stop());

  it('is which server it is, and every figure and answer that needs none', async () => {
    const deployment = cluster(servers.addresses);
    const [dataDir, file] = [join(newDirectory(), 'data'), newFile('gyre.yaml', '')];
    const all = await deployment.processes({ dataDir, settings: file });
    const plans = all.filter(({ name }) => NAMES.includes(name));
    writeFileSync(file, JSON.stringify(settingsOf(deployment, {}, { dataDir, plans, token: undefined })));
    const children = plans.map(({ argv }) => new Child(argv));
    await Promise.all(children.map((child) => child.said(/Gyre runs/)));
    const of = (service: string): Api => new Api(plans.find(({ name }) => name === service)?.url ?? service);
    const [ingestion, gateway, registry] = [of('ingestion'), of('gateway'), of('registry')];
    const apis = NAMES.map(of);
    const asked = (): Promise<Reply<InferAnswer>> =>
      gateway.call('POST', '/v2/models/failure/infer', { body: JSON.stringify({ parameters: { entity: 'hot' } }) });
    const ready = async (api: Api) =>
      (await api.call<{ status: string; degraded: Record<string, string> }>('GET', '/readyz')).body;

    const headers = { 'content-type': 'application/yaml' };
    expect((await registry.call('POST', '/v1/specs', { body: SPEC, headers })).status).toBe(200);
    await until('the view to be known', () =>
      ingestion.send(featuresOf('machine', 'hot', { temperature: 80 })).catch(() => undefined),
    );
    await until('the features to be served', async () =>
      (await asked()).body.parameters?.['feature_status'] === 'present' ? true : undefined,
    );
    expect((await registry.call('GET', '/v1/models')).status).toBe(200);

    await servers.say('kill', 'mongodb');
    await until('all to say so', async () => {
      const said = await Promise.all(apis.map(ready));
      return said.every(({ degraded }) => degraded['platform'] !== undefined) ? said : undefined;
    });
    for (const said of await Promise.all(apis.map(ready)))
      expect(said).toMatchObject({
        status: 'ready',
        degraded: { platform: expect.stringMatching(/^MongoDB has not answered since /) },
      });

    const timed = async <T>(work: Promise<T>): Promise<[T, number]> => {
      const began = performance.now();
      return [await work, performance.now() - began];
    };
    for (const api of apis) {
      const [{ status, body }, took] = await timed(api.call<string>('GET', '/metrics'));
      expect([status, took < 3_000]).toEqual([200, true]);
      if (api === gateway) expect(body).toMatch(/^gyre_gateway_prediction_log_bytes \d+$/m);
    }
    const [models, modelsTook] = await timed(registry.call<{ error: { code: string } }>('GET', '/v1/models'));
    expect([models.status, models.body.error.code]).toEqual([503, 'PLATFORM_UNAVAILABLE']);
    expect(modelsTook).toBeLessThan(10_000);
    const [flagged, flaggedTook] = await timed(asked());
    expect(flagged).toMatchObject({ status: 200, body: { parameters: { role: 'fallback' } } });
    expect(flaggedTook).toBeLessThan(2_000);

    await servers.say('start', 'mongodb');
    await until('all to be well again', async () =>
      (await Promise.all(apis.map(ready))).every(({ degraded }) => Object.keys(degraded).length === 0)
        ? true
        : undefined,
    );
    expect((await registry.call('GET', '/v1/models')).status).toBe(200);
  }, 300_000);
});
