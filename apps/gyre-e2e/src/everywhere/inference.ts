import { InferenceClient, type GrpcAnswer } from '../inference-client.js';
import { featuresOf, labelFor, type RunningGyre, type InferAnswer } from '../harness.js';
import { machineSpec, machines, trained } from '../machines.js';
import { oneGyre } from './one-gyre.js';

describe('the Open Inference Protocol', () => {
  let running: RunningGyre;
  let client: InferenceClient;

  beforeAll(async () => {
    running = await oneGyre();
    client = new InferenceClient(running.grpcAddress);
    await running.apply(machineSpec('overheating'));
  });
  afterAll(() => client.close());

  const byEntity = (entity: string, more: object = {}) => ({
    model_name: 'overheating',
    parameters: { entity: { string_param: entity } },
    ...more,
  });
  const matrix = { name: 'features', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [90, 0.5] } };
  const idOf = (answer: GrpcAnswer) => String(answer.parameters['prediction_id']?.['string_param']);
  /** As a client reads them that sees which way they came. */
  const probabilities = ({ outputs, raw_output_contents }: GrpcAnswer) => {
    const at = outputs.findIndex(({ name }) => name === 'probabilities');
    const raw = raw_output_contents[at];
    if (raw === undefined) return outputs[at]?.contents?.['fp32_contents'];
    return Array.from({ length: raw.length / 4 }, (_, i) => raw.readFloatLE(i * 4));
  };

  it('says that the server lives and is ready, what it is, and that no version is loaded yet', async () => {
    expect(await client.call('ServerLive')).toEqual({ live: true });
    expect(await client.call('ServerReady')).toEqual({ ready: true });
    expect(await client.call('ServerMetadata')).toMatchObject({ name: 'gyre', version: expect.any(String) });
    expect(await client.call('ModelReady', { name: 'overheating' })).toEqual({ ready: false });
    await expect(client.call('ModelMetadata', { name: 'nobody' })).rejects.toMatchObject({ code: 5 });
  });

  it('answers from the declared fallback, flagged, until there is a version', async () => {
    const answer = await client.infer({ model_name: 'overheating', inputs: [matrix] });
    expect(answer.model_version).toBe('');
    expect(answer.parameters).toMatchObject({
      role: { string_param: 'fallback' },
      fallback_reason: { string_param: 'no-version' },
      version: { string_param: 'fallback' },
    });
    expect(probabilities(answer)).toEqual([1, 0]);
  });

  describe('with a trained model', () => {
    beforeAll(async () => {
      await trained(running, machines(80, 1), 'overheating');
    }, 240_000);

    it('is ready, and describes its inputs and outputs', async () => {
      expect(await client.call('ModelReady', { name: 'overheating' })).toEqual({ ready: true });
      const metadata = await client.call<{ inputs: object[]; outputs: object[] }>('ModelMetadata', {
        name: 'overheating',
      });
      expect(metadata).toMatchObject({ name: 'overheating', versions: ['1'] });
      expect(metadata.outputs).toMatchObject([
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
        { name: 'label', datatype: 'INT64', shape: [-1] },
      ]);
    });

    it('answers by tensors typed and raw, and by entity, alike over gRPC and REST, each with a prediction id', async () => {
      await running.send(featuresOf('machine', 'm-90', { temperature: 90, load: 0.5 }));
      await running.settle();
      const typed = await client.infer({ model_name: 'overheating', id: 'mine', inputs: [matrix] });
      const looked = await client.infer(byEntity('m-90'));
      const raw = await client.infer({
        model_name: 'overheating',
        inputs: [{ ...matrix, contents: undefined }],
        raw_input_contents: [Buffer.from(Float32Array.of(90, 0.5).buffer)],
      });
      const rest = await running.post<InferAnswer>('/v2/models/overheating/infer', { parameters: { entity: 'm-90' } });
      const restTensors = await running.post<InferAnswer>('/v2/models/overheating/infer', {
        inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 2], data: [90, 0.5] }],
      });
      const expected = probabilities(typed) as number[];
      expect(expected[1]).toBeGreaterThan(0.5);
      expect(typed).toMatchObject({ model_version: '1', id: 'mine' });
      expect(probabilities(looked)).toEqual(expected);
      expect(probabilities(raw)).toEqual(expected);
      expect([typed, looked, raw].map((answer) => answer.raw_output_contents.length)).toEqual([0, 2, 2]);
      for (const { model_version, outputs, parameters } of [rest, restTensors]) {
        expect(model_version).toBe('1');
        expect(outputs[0]).toMatchObject({ name: 'probabilities', shape: [1, 2] });
        expect(outputs[0]?.data.map((value) => Math.fround(Number(value)))).toEqual(expected);
        expect(outputs[1]).toMatchObject({ name: 'label', datatype: 'INT64', data: [1] });
        expect(parameters).toMatchObject({ role: 'champion', version: '1' });
      }
      expect(looked.parameters).toMatchObject({ feature_status: { string_param: 'present' } });
      const ids = [typed, looked, raw].map(idOf);
      ids.push(...[rest, restTensors].map(({ parameters }) => String(parameters['prediction_id'])));
      expect(new Set(ids).size).toBe(5);
    });

    it('joins the label that names the prediction id of an answer', async () => {
      const before = (await running.labels('overheating')).counts.joined;
      const id = idOf(await client.infer(byEntity('m-90')));
      // At once: the label may overtake the prediction on its way through the log.
      await running.send(labelFor(id, 1));
      await running.settle();
      const { counts, early } = await running.labels('overheating');
      expect([counts.joined, early]).toEqual([before + 1, 0]);
    });

    it('says by status and words what is wrong with a request', async () => {
      const wide = { ...matrix, shape: [1, 3], contents: { fp32_contents: [1, 2, 3] } };
      await expect(client.infer({ model_name: 'overheating', inputs: [wide] })).rejects.toMatchObject({
        code: 3,
        details: expect.stringMatching(/^FEATURES_MISMATCHED: /),
      });
      await expect(client.infer({ model_name: 'nobody', inputs: [matrix] })).rejects.toMatchObject({
        code: 5,
        details: expect.stringMatching(/^MODEL_NOT_FOUND: .*overheating/),
      });
    });

    it('answers for an entity that was never seen, and says that its features are missing', async () => {
      const { parameters } = await client.infer(byEntity('nobody-knows-it'));
      expect(parameters).toMatchObject({ feature_status: { string_param: 'missing' } });
    });
  });
});
