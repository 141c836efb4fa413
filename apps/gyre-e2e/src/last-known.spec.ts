import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeOnServers, testServers } from '../../../tools/servers/index.mjs';
import { cluster, settingsOf, type ProcessPlan } from './deployment.js';
import { Api, Child, newDirectory, newFile, root, until, type InferAnswer, type Reply } from './harness.js';
import { InferenceClient } from './inference-client.js';
import { OwnServers } from './own-servers.js';

const MODEL = join(root, 'apps/gyre-e2e/testdata/models/float64');

describeOnServers(
  'a gateway whose broker, database, registry and feature store are away at its start',
  await testServers(),
  () => {
    it('answers on what it last knew, says so, and goes on as ever when they are back', async () => {
      const servers = await OwnServers.start();
      const deployment = cluster(servers.addresses);
      const [dataDir, file] = [join(newDirectory(), 'data'), newFile('gyre.yaml', '')];
      const plans = (await deployment.processes({ dataDir, settings: file })).filter(({ name }) =>
        ['gateway', 'registry'].includes(name),
      );
      const settings = settingsOf(
        deployment,
        { platform: { lastKnownAfterMs: 500 } },
        { dataDir, plans, token: undefined },
      );
      writeFileSync(file, JSON.stringify(settings));
      const [gatewayPlan, registryPlan] = ['gateway', 'registry'].map((name) =>
        plans.find((plan) => plan.name === name),
      ) as [ProcessPlan, ProcessPlan];
      const began = async ({ argv }: ProcessPlan): Promise<Child> => {
        const child = new Child(argv);
        await child.said(/Gyre runs/);
        return child;
      };
      const api = new Api(gatewayPlan.url);
      const { inputs } = JSON.parse(readFileSync(`${MODEL}.json`, 'utf8')) as {
        inputs: Record<string, { shape: number[]; data: number[] }>;
      };
      const asked = Object.entries(inputs).map(([name, { shape, data }]) => ({ name, datatype: 'FP64', shape, data }));
      const ask = (): Promise<Reply<InferAnswer>> =>
        api.call('POST', '/v2/models/float64/infer', { body: JSON.stringify({ inputs: asked }) });
      const ready = async () => await api.call<{ degraded: Record<string, string> }>('GET', '/readyz');

      const [gateway, registry] = await Promise.all([began(gatewayPlan), began(registryPlan)]);
      const imported = await new Api(registryPlan.url).call('POST', '/v1/models/float64/import', {
        body: readFileSync(`${MODEL}.onnx`),
        headers: { 'x-file-name': 'float64.onnx' },
      });
      expect(imported.status).toBe(202);
      const before = await until('the model to be served', async () => {
        const answer = await ask();
        return answer.status === 200 ? answer.body : undefined;
      });
      expect(before.parameters).toMatchObject({ role: 'champion', version: '1' });
      expect(before.parameters['serving']).toBeUndefined();

      await registry.kill();
      await servers.say('kill');
      await gateway.kill();
      const again = await began(gatewayPlan);
      const during = await ask();
      expect(during).toMatchObject({
        status: 200,
        body: { outputs: before.outputs, parameters: { role: 'champion', version: '1', serving: 'last-known' } },
      });
      const client = new InferenceClient(gatewayPlan.grpcAddress);
      expect(await client.call('ModelReady', { name: 'float64' })).toEqual({ ready: true });
      client.close();
      expect(await ready()).toMatchObject({
        status: 200,
        body: {
          status: 'ready',
          missing: {},
          degraded: { platform: expect.any(String), gateway: expect.stringMatching(/last knew/) },
        },
      });
      const metrics = (await api.call<string>('GET', '/metrics')).body;
      expect(metrics).toContain('gyre_gateway_last_known_answers_total{model="float64"} 1');

      await servers.say('start');
      await until('it to hear from the platform', async () =>
        Object.keys((await ready()).body.degraded).length === 0 ? true : undefined,
      );
      const after = await ask();
      expect(after).toMatchObject({ status: 200, body: { outputs: before.outputs } });
      expect(after.body.parameters['serving']).toBeUndefined();
      // What was answered meanwhile has been shipped.
      await until('its records to be shipped', async () =>
        /gyre_gateway_prediction_log_waiting_records 0\n/.test((await api.call<string>('GET', '/metrics')).body)
          ? true
          : undefined,
      );
      await again.kill();
      servers.stop();
    }, 180_000);
  },
);
