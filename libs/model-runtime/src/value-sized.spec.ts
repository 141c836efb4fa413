import { readFileSync } from 'node:fs';
import { graph, looping } from './endless.fixture.js';
import { ModelWorker, OnnxModel, tryOnnx, type LoadedModel, type TensorValue } from './index.js';

const lightgbm = new Uint8Array(readFileSync(new URL('../testdata/models/elec2_lightgbm_100.onnx', import.meta.url)));
const constants = {
  zero: { type: 'int64', dims: [], values: [0] },
  one: { type: 'int64', dims: [], values: [1] },
  four: { type: 'int64', dims: [1], values: [4] },
} as const;
const float = { name: 'v', type: 'float32', dims: ['N'] } as const;
const ranging = graph({
  outputs: [{ name: 'y', type: 'int64', dims: ['M'] }],
  nodes: [{ op: 'Range', inputs: ['zero', 'x', 'one'], outputs: ['y'] }],
  constants,
});

describe('a graph whose inputs say how much it does', () => {
  it.each([
    ['Loop', looping()],
    ['Range', ranging],
    [
      'Expand',
      graph({
        inputs: [{ name: 'x', type: 'int64', dims: [2] }],
        outputs: [{ name: 'y', type: 'int64', dims: ['N'] }],
        nodes: [
          { op: 'Abs', inputs: ['x'], outputs: ['sizes'] },
          { op: 'Expand', inputs: ['one', 'sizes'], outputs: ['y'] },
        ],
        constants,
      }),
    ],
  ])('is found by its operator %s', (operator, bytes) => expect(OnnxModel.load(bytes).sizedBy).toBe(operator));

  it.each([
    ['trees', lightgbm],
    [
      'a size that a constant says',
      graph({
        inputs: [float],
        nodes: [{ op: 'Tile', inputs: ['v', 'four'], outputs: ['y'] }],
        constants,
      }),
    ],
    [
      'a size that the shape of the request says',
      graph({
        inputs: [float],
        nodes: [
          { op: 'Shape', inputs: ['v'], outputs: ['shape'] },
          { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['y'] },
        ],
      }),
    ],
  ])('is none with %s', (_, bytes) => expect(OnnxModel.load(bytes).sizedBy).toBeNull());
});

describe('an input with an initializer', () => {
  const parts = {
    inputs: [float, { name: 'four', type: 'int64', dims: [1] }],
    nodes: [{ op: 'Tile', inputs: ['v', 'four'], outputs: ['y'] }],
    constants,
  } as const;

  it('says how much is done where it may be sent, and not where the file lists its weights among the inputs', () => {
    expect(OnnxModel.load(graph(parts)).sizedBy).toBe('Tile');
    const weights = { type: 'float32', dims: [2_000], values: new Float32Array(2_000) } as const;
    const listing = graph({
      ...parts,
      inputs: [...parts.inputs, { name: 'weights', type: 'float32', dims: [2_000] }],
      constants: { ...constants, weights },
    });
    expect(OnnxModel.load(listing).sizedBy).toBeNull();
  });
});

describe('a run of such a graph', () => {
  const whole = (value: number): TensorValue => ({ type: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) });
  const v: TensorValue = { type: 'float32', dims: [2], data: Float32Array.of(3, 4) };
  let worker: ModelWorker;
  const start = (runMsMax: number, runBytesMax = 2 ** 31): ModelWorker =>
    (worker = new ModelWorker({ loopMicrosMax: 1e6, threadsMax: 2, runMsMax, runBytesMax }));
  const answered = (model: LoadedModel, value: number, withinMs?: number): Promise<Record<string, TensorValue>> =>
    Promise.resolve(model.call({ x: whole(value), v }, undefined, withinMs));
  const back = async (model: LoadedModel): Promise<void> => {
    while (model.problem !== null) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  afterEach(() => worker.close());

  it('is ended when it takes too long or its deadline passes, holds up nobody, and the model answers again', async () => {
    const model = await start(300).load(looping());
    expect(model).toMatchObject({ runsOn: 'process', sizedBy: 'Loop' });
    expect((await answered(model, 5))['y']).toEqual(v);

    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 10);
    const began = performance.now();
    await expect(answered(model, 1e15)).rejects.toMatchObject({
      code: 'RUN_TOO_LARGE',
      message: expect.stringMatching(/^the run was ended after 300 ms.* operator Loop/) as string,
    });
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(turns).toBeGreaterThan(10);
    clearInterval(ticking);
    expect(model.problem).toContain('it is being loaded again');

    await back(model);
    await expect(answered(model, 1e15, 50)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await back(model);
    expect((await answered(model, 5))['y']).toEqual(v);
  });

  it('gives no more than can be passed on, and takes no more memory than it may', async () => {
    const model = await start(10_000, 512 * 2 ** 20).load(ranging);
    const ask = (value: number) => Promise.resolve(model.call({ x: whole(value) }));
    expect((await ask(3))['y']).toEqual({ type: 'int64', dims: [3], data: BigInt64Array.of(0n, 1n, 2n) });
    await expect(ask(1e7)).rejects.toMatchObject({
      code: 'RUN_TOO_LARGE',
      message: expect.stringContaining('"y" int64 [10000000], which is 80000000 bytes') as string,
    });
    expect(model.problem).toBeNull();
    await expect(ask(5e8)).rejects.toMatchObject({
      code: 'RUN_TOO_LARGE',
      message: expect.stringContaining('more than 512 MiB of memory') as string,
    });
  });
});

describe('the trial of a file', () => {
  const limits = { memoryBytesMax: 2 ** 30, secondsMax: 2 };

  it('refuses one that goes round for ever', async () => {
    await expect(tryOnnx(looping(2 ** 60), limits)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('more than 2 s to load and run once') as string,
    });
  });

  it('refuses rows that nobody could send, and answers that nobody could read', async () => {
    const wide = graph({
      inputs: [{ name: 'v', type: 'float32', dims: ['N', 500_000_000] }],
      nodes: [
        { op: 'ReduceMax', inputs: ['v'], outputs: ['y'], attributes: { axes: { ints: [1] }, keepdims: { int: 0 } } },
      ],
    });
    await expect(tryOnnx(wide, limits)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('"v" is [N, 500000000], which is 500000000 elements') as string,
    });
    const huge = graph({
      inputs: [float],
      nodes: [{ op: 'Expand', inputs: ['v', 'sizes'], outputs: ['y'] }],
      constants: { sizes: { type: 'int64', dims: [2], values: [100_000, 100_000] } },
    });
    await expect(tryOnnx(huge, limits)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});
