import type { ModelInForce, Predicted } from '@gyre/contracts';
import { Metrics } from '@gyre/hosting';
import { encodeOnnx, measureRun, OnnxModel, type OnnxModelParts } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { asking } from './an-inference.js';
import { anyNumber, apply, aSpec, KeptLog, serve } from './a-model.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import { metadataOf } from './model-metadata.js';
import type { InferAnswer, InferRequest, Tensor } from './oip.js';
import { ServingTable } from './serving.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A model of two inputs, text and whole numbers, that gives both back, and the row of a table that the number names. */
const PARTS: OnnxModelParts = {
  name: 'm',
  inputs: [
    { name: 'who', type: 'string', dims: ['N'] },
    { name: 'index', type: 'int64', dims: ['N'] },
  ],
  outputs: [
    { name: 'same', type: 'string', dims: ['N'] },
    { name: 'also', type: 'int64', dims: ['N'] },
    { name: 'scores', type: 'float32', dims: ['N', 2] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['who'], outputs: ['same'] },
    { op: 'Identity', inputs: ['index'], outputs: ['also'] },
    { op: 'Gather', inputs: ['table', 'index'], outputs: ['scores'] },
  ],
  constants: { table: { type: 'float32', dims: [3, 2], values: [1, 0, 0.25, 0.75, NaN, 0] } },
  opsets: { '': 13 },
  metadata: {},
};

describe('an imported model', () => {
  let platform: EmbeddedPlatform;
  let table: ServingTable;
  let inference: Inference;
  let records: Predicted[];
  let calls: number;
  /** Whether models run elsewhere than on the loop. */
  let apart: boolean;

  beforeEach(async () => {
    platform = EmbeddedPlatform.inMemory();
    records = [];
    apart = false;
    const load = (onnx: Uint8Array): OnnxModel => {
      const model = OnnxModel.load(onnx, measureRun(OnnxModel.load(onnx)));
      const call = model.call.bind(model);
      model.call = (...given) => {
        calls += 1;
        return apart ? (sleep(2).then(() => call(...given)) as never) : call(...given);
      };
      Object.defineProperty(model, 'runsOn', { get: () => (apart ? 'process' : 'loop') });
      return model;
    };
    table = new ServingTable({ platform, log: new KeptLog(), load });
    inference = new Inference({
      table,
      log: { append: (events) => (records.push(...events), null), shadows: () => undefined },
      features: null,
      admission: anyNumber(),
      metrics: new GatewayMetrics(new Metrics(), new KeptLog()),
      limits: {
        maxSkewMs: 300_000,
        rowsMax: 50,
        maxBatchSize: 8,
        maxQueueDelayMicros: 0,
        rowsInFlightMax: 60,
        shadowRowsMax: 0,
        featuresDeadlineMs: 1_000,
      },
      now: () => 0,
    });
    const label = { name: 'label', type: 'regression' };
    const spec: ModelInForce = { ...aSpec({ label, fallback: { refuse: true } }), inputs: [], imported: true };
    await apply(platform, spec);
    await serve(platform, { champion: [1, encodeOnnx(PARTS)] });
    await table.open();
    calls = 0;
  });
  afterEach(async () => {
    await table.close();
    await platform.close();
  });

  const tensors = (who: string[], index: bigint[]): Tensor[] => [
    { name: 'who', datatype: 'BYTES', shape: [who.length], values: who },
    { name: 'index', datatype: 'INT64', shape: [index.length], values: BigInt64Array.from(index) },
  ];
  const infer = (inputs: Tensor[], over: Partial<InferRequest> = {}): Promise<InferAnswer> =>
    inference.infer(() => asking({ ...over, inputs }));

  it('takes and gives its own tensors, and those of several requests in one run', async () => {
    const answers = await Promise.all([infer(tensors(['a'], [1n])), infer(tensors(['é', ''], [0n, 1n]))]);
    expect(calls).toBe(1);
    expect(answers[0]?.outputs).toEqual([
      { name: 'same', datatype: 'BYTES', shape: [1], values: ['a'] },
      { name: 'also', datatype: 'INT64', shape: [1], values: BigInt64Array.of(1n) },
      { name: 'scores', datatype: 'FP32', shape: [1, 2], values: Float32Array.of(0.25, 0.75) },
    ]);
    expect(answers[1]?.outputs).toEqual([
      { name: 'same', datatype: 'BYTES', shape: [2], values: ['é', ''] },
      { name: 'also', datatype: 'INT64', shape: [2], values: BigInt64Array.of(0n, 1n) },
      { name: 'scores', datatype: 'FP32', shape: [2, 2], values: Float32Array.of(1, 0, 0.25, 0.75) },
    ]);
    expect(records.map(({ features, output }) => ({ features, output }))).toEqual([
      { features: [null, 1], output: [0.25, 0.75] },
      { features: [null, 0], output: [1, 0] },
      { features: [null, 1], output: [0.25, 0.75] },
    ]);
    expect(records.map(({ id }) => id)).toEqual([
      answers[0]?.parameters['prediction_id'],
      `${String(answers[1]?.parameters['prediction_id'])}.0`,
      `${String(answers[1]?.parameters['prediction_id'])}.1`,
    ]);
  });

  it('gives the outputs that are asked for, under the entity that is named', async () => {
    const { outputs } = await infer(tensors(['a'], [1n]), { outputs: ['scores'], parameters: { entity: 'nsw' } });
    expect(outputs.map(({ name }) => name)).toEqual(['scores']);
    expect(records[0]?.entity).toBe('nsw');
    await expect(infer(tensors(['a'], [1n]), { outputs: ['label'] })).rejects.toThrow(
      'tides has no output "label"; it has same, also, scores',
    );
  });

  it('answers what is no number as it is', async () => {
    const { outputs } = await infer(tensors(['a'], [2n]));
    expect(outputs[2]?.values).toEqual(Float32Array.of(NaN, 0));
    expect(records[0]?.output).toEqual([]);
  });

  it('refuses inputs that the graph cannot take, without harm to those beside them', async () => {
    const [good, bad] = await Promise.allSettled([infer(tensors(['a'], [1n])), infer(tensors(['b'], [3n]))]);
    expect(good).toMatchObject({ status: 'fulfilled' });
    expect(bad).toMatchObject({ reason: { code: 'FEATURES_MISMATCHED' } });
  });

  it('refuses what would be answered by more than can be sent, and says by how much', async () => {
    const ranging = encodeOnnx({
      ...PARTS,
      inputs: [{ name: 'most', type: 'int64', dims: [] }],
      outputs: [{ name: 'all', type: 'int64', dims: ['M'] }],
      nodes: [{ op: 'Range', inputs: ['zero', 'most', 'one'], outputs: ['all'] }],
      constants: { zero: { type: 'int64', dims: [], values: [0] }, one: { type: 'int64', dims: [], values: [1] } },
    });
    await serve(platform, { champion: [2, ranging] });
    await table.caughtUp();
    const upTo = (most: bigint): Promise<InferAnswer> =>
      infer([{ name: 'most', datatype: 'INT64', shape: [], values: BigInt64Array.of(most) }]);
    expect((await upTo(3n)).outputs[0]?.values).toEqual(BigInt64Array.of(0n, 1n, 2n));
    await expect(upTo(10_000_000n)).rejects.toMatchObject({
      code: 'RUN_TOO_LARGE',
      message: expect.stringContaining('"all" int64 [10000000], which is 80000000 bytes') as string,
    });
    expect(metadataOf(table.serving('tides'), '').parameters).toMatchObject({ sized_by: 'Range', batched: false });
  });

  it('looks for such inputs half by half, not one by one', async () => {
    const all = Array.from({ length: 16 }, (_, i) => infer(tensors(['a'], [i === 11 ? 3n : 1n])));
    const refused = (await Promise.allSettled(all)).map(({ status }) => status).indexOf('rejected');
    expect(refused).toBe(11);
    expect(calls).toBe(8);
  });

  it('finds them also where others come all the while, and answers those', async () => {
    apart = true;
    let told: unknown;
    const bad = infer(tensors(['a'], [3n])).catch((error: unknown) => (told = error));
    const good: Promise<InferAnswer>[] = [];
    while (told === undefined && good.length < 500) {
      good.push(infer(tensors(['a'], [1n])), infer(tensors(['b'], [0n])));
      await sleep(1);
    }
    await bad;
    expect(told).toMatchObject({ code: 'FEATURES_MISMATCHED' });
    expect(good.length).toBeLessThan(500);
    await Promise.all(good);
  });

  it('has the champion answer what its canary cannot take', async () => {
    const small = { table: { type: 'float32', dims: [1, 2], values: [0.5, 0.5] } } as const;
    const canary = encodeOnnx({ ...PARTS, constants: small });
    await serve(platform, { champion: [1, encodeOnnx(PARTS)], arms: [[2, canary, 1]] });
    await table.caughtUp();
    expect((await infer(tensors(['a'], [0n]))).parameters).toMatchObject({ role: 'canary' });
    const { parameters } = await infer(tensors(['a'], [1n]));
    expect(parameters).toMatchObject({ role: 'champion', fallback_reason: 'run-failed' });
    expect(records.at(-1)).toMatchObject({ version: 1, route: 'instead', fallback: 'run-failed' });
    await expect(infer(tensors(['a'], [3n]))).rejects.toMatchObject({ code: 'FEATURES_MISMATCHED' });
  });

  it('is asked by each request alone from when it answered a batch with other rows than it was given', async () => {
    // Rows whose number is below 2, as all of the samples that it was measured by.
    const dropping = encodeOnnx({
      ...PARTS,
      outputs: [{ name: 'kept', type: 'int64', dims: ['M'] }],
      nodes: [
        { op: 'Less', inputs: ['index', 'two'], outputs: ['small'] },
        { op: 'Compress', inputs: ['index', 'small'], outputs: ['kept'], attributes: { axis: { int: 0 } } },
      ],
      constants: { two: { type: 'int64', dims: [], values: [2] } },
    });
    await serve(platform, { champion: [2, dropping] });
    await table.caughtUp();
    for (const batched of [1, 0]) {
      calls = 0;
      const answers = await Promise.all([2n, 0n, 1n].map((index) => infer(tensors(['a'], [index]))));
      expect(answers.map(({ outputs }) => Array.from(outputs[0]?.values as BigInt64Array))).toEqual([[], [0n], [1n]]);
      expect(calls).toBe(3 + batched);
    }
  });

  it('is asked part by part by a request of more rows than a batch has', async () => {
    const rows = 20;
    const index = Array.from({ length: rows }, (_, i) => BigInt(i % 2));
    const { outputs } = await infer(tensors(new Array<string>(rows).fill('a'), index));
    expect(calls).toBe(3);
    expect(outputs.map(({ shape }) => shape)).toEqual([[rows], [rows], [rows, 2]]);
    expect(outputs[1]?.values).toEqual(BigInt64Array.from(index));
  });

  it.each([
    [[0], 'input "index" is missing'],
    [[0, 1, 1], 'input "index" is brought twice'],
    [[0, 1, { name: 'other', datatype: 'FP32', shape: [1], values: [1] }], 'there is no input "other"'],
    [[0, { name: 'index', datatype: 'INT32', shape: [1], values: [1] }], 'input "index" is INT32 [1]'],
    [[0, { name: 'index', datatype: 'INT64', shape: [1, 1], values: [1n] }], 'input "index" is INT64 [1, 1]'],
    [[0, { name: 'index', datatype: 'INT64', shape: [2], values: [1n, 1n] }], 'has 2 rows, and the input before it 1'],
  ] as [(number | Tensor)[], string][])('refuses other inputs than its own, %#', async (inputs, problem) => {
    const own = tensors(['a'], [1n]);
    const given = inputs.map((one) => (typeof one === 'number' ? (own[one] as Tensor) : one));
    await expect(infer(given)).rejects.toThrow(problem);
    await expect(infer(given)).rejects.toThrow('expected "who" of BYTES [N] and "index" of INT64 [N]');
  });

  it('says what it takes and gives', () => {
    expect(metadataOf(table.serving('tides'), '')).toMatchObject({
      inputs: [{ name: 'who', datatype: 'BYTES', shape: [-1] }, { name: 'index' }],
      outputs: [{ name: 'same' }, { name: 'also' }, { name: 'scores', datatype: 'FP32', shape: [-1, 2] }],
      parameters: { runs_on: 'loop', batched: true },
    });
  });

  it('gives a row for each of a batch, whatever its file declares', async () => {
    const [same, ...others] = PARTS.outputs as [OnnxModelParts['outputs'][number]];
    const declared = encodeOnnx({ ...PARTS, outputs: [{ ...same, dims: [1] }, ...others] });
    await serve(platform, { champion: [2, declared] });
    await table.caughtUp();
    const { outputs } = metadataOf(table.serving('tides'), '');
    expect(outputs.map(({ shape }) => shape)).toEqual([[-1], [-1], [-1, 2]]);
    expect((await infer(tensors(['a', 'b'], [0n, 1n]))).outputs[0]?.shape).toEqual([2]);
  });

  it('takes inputs that its file has a value for, for the request that brings them', async () => {
    const adding = encodeOnnx({
      ...PARTS,
      inputs: [{ name: 'add', type: 'int64', dims: [1] }, ...PARTS.inputs],
      outputs: [{ name: 'also', type: 'int64', dims: ['N'] }],
      nodes: [{ op: 'Add', inputs: ['index', 'add'], outputs: ['also'] }],
      constants: { add: { type: 'int64', dims: [1], values: [10] } },
    });
    await serve(platform, { champion: [2, adding] });
    await table.caughtUp();
    const { inputs, parameters } = metadataOf(table.serving('tides'), '');
    expect(inputs.map(({ name }) => name)).toEqual(['who', 'index', 'add']);
    expect(parameters['optional_inputs']).toBe('["add"]');
    const add = (by: bigint): Tensor => ({ name: 'add', datatype: 'INT64', shape: [1], values: BigInt64Array.of(by) });
    calls = 0;
    const many = Array.from({ length: 20 }, (_, i) => BigInt(i));
    const answers = await Promise.all([
      infer(tensors(['a'], [1n])),
      infer([...tensors(['a'], [1n]), add(5n)]),
      infer(tensors(['a'], [2n])),
      infer([...tensors(new Array<string>(20).fill('a'), many), add(100n)]),
    ]);
    const also = answers.map(({ outputs }) => Array.from(outputs[0]?.values as BigInt64Array));
    expect(also).toEqual([[11n], [6n], [12n], many.map((i) => i + 100n)]);
    // The two that bring nothing go together, and the others each alone and whole.
    expect(calls).toBe(3);
    await expect(infer([...tensors(['a'], [1n]), { ...add(1n), shape: [1, 1] }])).rejects.toThrow(
      'input "add" is INT64 [1, 1]; expected "who" of BYTES [N] and "index" of INT64 [N], and if wanted "add" of INT64 [1]',
    );
    await expect(infer([...tensors(['a'], [1n]), add(1n), add(2n)])).rejects.toThrow('input "add" is brought twice');
  });

  it('is not answered for while it is not there', async () => {
    await serve(platform, {});
    await table.caughtUp();
    await expect(infer(tensors(['a'], [1n]))).rejects.toMatchObject({ code: 'NOT_READY' });
  });
});
