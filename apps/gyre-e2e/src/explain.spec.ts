import type { Explained } from '@gyre/contracts';
import { InferenceClient } from './inference-client.js';
import { featuresOf, gyre, RunningGyre, type InferAnswer } from './harness.js';
import { machine, machines, trained } from './machines.js';

describe('why a model answered what it did', () => {
  let running: RunningGyre;

  beforeAll(async () => {
    running = await RunningGyre.start();
    await running.apply(machine.replace('[linear]', '[trees]'));
    await trained(running, machines(80, 1));
    await running.send(featuresOf('machine', 'm-90', { temperature: 90, load: 0.5 }));
    await running.settle();
  }, 180_000);

  const features = (rows: number[][], name = 'features') => {
    return { name, datatype: 'FP32', shape: [rows.length, 2], data: rows.flat() };
  };
  const explain = (body: object, model = 'failure') => running.post<Explained>(`/v2/models/${model}/explain`, body);
  const answer = (body: object) => running.post<InferAnswer>('/v2/models/failure/infer', body);

  /** What must hold of every explanation of this model: exact, of both features, and adding up to the answer that the gateway gives. */
  function expectHonest({ model, space, method, features: names, rows }: Explained, probability: number): void {
    expect({ model, space, names }).toEqual({
      model: 'failure',
      space: 'log-odds',
      names: ['machine.temperature', 'machine.load'],
    });
    expect(method).toBe('tree-path-dependent');
    const [{ base, contributions, scores, prediction } = rows[0]!] = rows;
    const sum = contributions[0]!.reduce((total, part) => total + part, base[0]!);
    expect(Math.abs(sum - scores[0]!)).toBeLessThan(1e-9);
    expect(Math.abs(1 / (1 + Math.exp(-sum)) - probability)).toBeLessThan(1e-6);
    expect(prediction[1]).toBe(probability);
    // Heat is what breaks these machines.
    expect(contributions[0]![0]).toBeGreaterThan(Math.abs(contributions[0]![1]!));
  }
  const probabilityIn = ({ outputs }: InferAnswer) =>
    outputs.find(({ name }) => name === 'probabilities')!.data[1] as number;

  it('is told for tensors and for an entity, and adds up to the answer', async () => {
    const tensors = { inputs: [features([[90, 0.5]])] };
    const probability = probabilityIn(await answer(tensors));
    const byTensors = await explain(tensors);
    expectHonest(byTensors, probability);
    const byEntity = await explain({ parameters: { entity: 'm-90' } });
    expectHonest(byEntity, probability);
    expect(byEntity.rows[0]).toMatchObject({ feature_status: 'present', values: [90, 0.5] });
    expect(byEntity.rows[0]?.contributions).toEqual(byTensors.rows[0]?.contributions);
  });

  it('is told for a past prediction by its id, with what was seen then, from the log and from the archive', async () => {
    const past = await answer({ parameters: { entity: 'm-90' } });
    await running.send(featuresOf('machine', 'm-90', { temperature: 20, load: 0.1 }));
    await running.settle();
    const id = String(past.parameters['prediction_id']);
    const explained = await running.get<Explained>(`/v1/predictions/${encodeURIComponent(id)}/explanation`);
    expectHonest(explained, probabilityIn(past));
    expect(explained.rows[0]).toMatchObject({ prediction_id: id, values: [90, 0.5] });
    expect(await explain({ parameters: { prediction_id: id } })).toEqual(explained);
  });

  it('compares with the rows that a request brings', async () => {
    const body = {
      inputs: [
        features([[90, 0.5]]),
        features(
          [
            [20, 0.1],
            [25, 0.3],
          ],
          'background',
        ),
      ],
    };
    const explained = await explain(body);
    expect(explained.background).toEqual({ source: 'request', rows: 2 });
    expect(explained.method).toBe('tree-interventional');
    const usual = await answer({ inputs: [features([[20, 0.1]])] });
    expect(1 / (1 + Math.exp(-explained.rows[0]!.base[0]!))).toBeLessThan(probabilityIn(usual) + 0.2);
  });

  it('is the same over gRPC, as tensors', async () => {
    const client = new InferenceClient(running.grpcAddress);
    const input = { name: 'features', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [90, 0.5] } };
    const reply = await client.explain({ model_name: 'failure', inputs: [input] });
    client.close();
    const rest = await explain({ inputs: [features([[90, 0.5]])] });
    const tensor = (name: string) => reply.outputs.find((output) => output.name === name);
    expect(tensor('contributions')).toMatchObject({ datatype: 'FP64', shape: [1, 1, 2] });
    expect(tensor('contributions')?.contents?.['fp64_contents']).toEqual(rest.rows[0]?.contributions.flat());
    expect(tensor('base')?.contents?.['fp64_contents']).toEqual(rest.rows[0]?.base);
    expect(reply.parameters['space']).toMatchObject({ string_param: 'log-odds' });
  });

  it('fails with a code that says why', async () => {
    const unknown = '0000000000000.000000001.nobody';
    const failing = async (method: string, path: string, body?: object) => {
      const sent = { ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      const reply = await running.call<{ code?: string; error: { code?: string } }>(method, path, sent);
      return [reply.status, reply.body.code ?? reply.body.error.code];
    };
    const codes = await Promise.all([
      failing('GET', `/v1/predictions/${unknown}/explanation`),
      failing('POST', '/v2/models/failure/explain', { parameters: { prediction_id: unknown } }),
      failing('POST', '/v2/models/failure/explain', { inputs: [features([[1, 2, 3]])] }),
      failing('POST', '/v2/models/nobody/explain', {}),
      failing('POST', '/v2/models/failure/explain', { inputs: [features(new Array(101).fill([1, 2]))] }),
    ]);
    expect(codes).toEqual([
      ...[
        [404, 'PREDICTION_NOT_FOUND'],
        [404, 'PREDICTION_NOT_FOUND'],
      ],
      ...[
        [400, 'FEATURES_MISMATCHED'],
        [404, 'MODEL_NOT_FOUND'],
        [400, 'BAD_REQUEST'],
      ],
    ]);
  });

  it('is shown on the command line', async () => {
    const url = ['--url', running.url];
    const told = await gyre(['explain', 'failure', '--features', '[90, 0.5]', ...url]);
    expect(told.stdout).toMatch(/machine\.temperature +90 +\+\d/);
    expect(told.stdout).toMatch(/log-odds/);
    const past = await answer({ inputs: [features([[90, 0.5]])] });
    await running.settle();
    const json = await gyre(['explain', '--prediction', String(past.parameters['prediction_id']), '--json', ...url]);
    expectHonest(JSON.parse(json.stdout) as Explained, probabilityIn(past));
  });
});
