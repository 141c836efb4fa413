import { readFileSync } from 'node:fs';
import { graph, looping, node, withFunction } from './endless.fixture.js';
import { ModelWorker, OnnxModel, tryOnnx, type LoadedModel, type TensorValue } from './index.js';
import { sizedByValues } from './value-sized.js';

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

/** Makes N by N zeros of N numbers. */
const squaring = graph({
  inputs: [float],
  outputs: [{ name: 'y', type: 'float32', dims: [] }],
  nodes: [
    { op: 'Shape', inputs: ['v'], outputs: ['shape'] },
    { op: 'Concat', inputs: ['shape', 'shape'], outputs: ['square'], attributes: { axis: { int: 0 } } },
    { op: 'ConstantOfShape', inputs: ['square'], outputs: ['zeros'] },
    { op: 'ReduceMax', inputs: ['zeros'], outputs: ['y'], attributes: { keepdims: { int: 0 } } },
  ],
});

describe('a graph whose inputs say how much it does', () => {
  const found = (op: string, inputs: readonly string[], domain = ''): string | null => {
    const x = { name: 'x', type: 'int64', dims: [2] } as const;
    return sizedByValues(graph({ inputs: [x], nodes: [{ op, domain, inputs, outputs: ['y'] }] }), ['x']);
  };

  it.each([
    ['CenterCropPad', 1],
    ['Col2Im', 1],
    ['Col2Im', 2],
    ['ConstantOfShape', 0],
    ['Expand', 1],
    ['OneHot', 1],
    ['Pad', 1],
    ['Range', 0],
    ['Range', 1],
    ['Range', 2],
    ['Resize', 2],
    ['Resize', 3],
    ['Tile', 1],
    ['Upsample', 1],
  ])('is found by its operator %s, where input %d is sent and not constant', (operator, place) => {
    const inputs = ['constant', 'constant', 'constant', 'constant'];
    expect(found(operator, inputs)).toBeNull();
    expect(found(operator, inputs.with(place, 'x'))).toBe(operator);
  });

  it.each(['DFT', 'STFT', 'HannWindow', 'MelWeightMatrix', 'AffineGrid', 'MaxUnpool', 'RoiAlign', 'Loop'])(
    'may be one with the operator %s, whatever it is given',
    (operator) => expect(found(operator, ['constant'])).toBe(operator),
  );

  it('may be one with operators of other domains, but not with functions of its own', () => {
    expect(found('Relu', ['x'], 'com.microsoft')).toBe('Relu');
    expect(found('Scaler', ['x'], 'ai.onnx.ml')).toBeNull();
    const calling = graph({ nodes: [{ op: 'Own', domain: 'own', inputs: ['x'], outputs: ['y'] }] });
    expect(sizedByValues(withFunction(calling, node('Relu', ['x'], ['y'])), ['x'])).toBeNull();
    expect(sizedByValues(withFunction(calling, node('Tile', ['x', 'n'], ['y'])), ['x'])).toBe('Tile');
    expect(sizedByValues(calling, ['x'])).toBe('Own');
  });

  it('is found where its size is made of what is sent', () => {
    const expanding = graph({
      inputs: [{ name: 'x', type: 'int64', dims: [2] }],
      outputs: [{ name: 'y', type: 'int64', dims: ['N'] }],
      nodes: [
        { op: 'Abs', inputs: ['x'], outputs: ['sizes'] },
        { op: 'Expand', inputs: ['one', 'sizes'], outputs: ['y'] },
      ],
      constants,
    });
    expect(OnnxModel.load(expanding).sizedBy).toBe('Expand');
    expect(OnnxModel.load(looping()).sizedBy).toBe('Loop');
    expect(OnnxModel.load(ranging).sizedBy).toBe('Range');
  });

  it('is none with trees, nor where the shape of the request says a size', () => {
    expect(OnnxModel.load(lightgbm).sizedBy).toBeNull();
    expect(OnnxModel.load(squaring).sizedBy).toBeNull();
  });
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
  const start = (runMsMax: number, bytesMax = 2 ** 31): ModelWorker =>
    (worker = new ModelWorker({ loopMicrosMax: 1e6, processesMax: 2, runMsMax, bytesMax }));
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

describe('a run whose rows are not independent', () => {
  it('is on no loop: what it does may grow faster than its rows', async () => {
    const worker = new ModelWorker({ loopMicrosMax: 1e6, processesMax: 1, runMsMax: 20_000, bytesMax: 2 ** 29 });
    try {
      const model = await worker.load(squaring);
      expect(model).toMatchObject({ runsOn: 'process', sizedBy: null });
      const ask = (size: number) =>
        model.call({ v: { type: 'float32', dims: [size], data: new Float32Array(size) } }) as Promise<unknown>;
      expect(await ask(3)).toEqual({ y: { type: 'float32', dims: [], data: Float32Array.of(0) } });
      await expect(ask(50_000)).rejects.toMatchObject({
        code: 'RUN_TOO_LARGE',
        message: 'the run was ended when it took more than 512 MiB of memory: ask for less in one request',
      });
    } finally {
      await worker.close();
    }
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
