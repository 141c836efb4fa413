import { readFileSync } from 'node:fs';
import { encodeOnnx, measureRun, ModelWorker, OnnxModel, refuseUnsafe, tryOnnx, type OnnxModelParts } from './index.js';
import { sample } from './measured-run.js';
import { GraphProto, ModelProto, TensorProto } from './onnx-schema.js';
import { concatenated, fieldsOf, MessageWriter } from './wire.js';

const MIB = 1_048_576;
const lightgbm = new Uint8Array(readFileSync(new URL('../testdata/models/elec2_lightgbm_100.onnx', import.meta.url)));

const model = (over: Partial<OnnxModelParts>): Uint8Array =>
  encodeOnnx({
    name: 'm',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 2] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    constants: {},
    opsets: { '': 13 },
    metadata: {},
    ...over,
  });

/** A model with a further constant whose fields are these. */
function withConstant(tensor: MessageWriter): Uint8Array {
  return concatenated(
    fieldsOf(model({})).map((field) => {
      if (field.number !== ModelProto.graph) return field.raw;
      const graph = concatenated([field.content, new MessageWriter().message(GraphProto.initializer, tensor).finish()]);
      return new MessageWriter().bytes(ModelProto.graph, graph).finish();
    }),
  );
}

describe('a file from a stranger', () => {
  it('is let through when it is an ordinary model', () => {
    expect(() => refuseUnsafe(lightgbm)).not.toThrow();
  });

  it.each([
    [
      'tensors in other files',
      withConstant(new MessageWriter().text(TensorProto.name, 'w').integer(TensorProto.dataLocation, 1)),
      'the constant "w" of the graph lies in another file',
    ],
    [
      'constants larger than their data',
      withConstant(new MessageWriter().text(TensorProto.name, 'w').integers(TensorProto.dims, [1e6, 1e6])),
      'which is 1000000000000 elements, and brings 0 bytes',
    ],
    [
      'operators that are no part of onnxruntime',
      model({ nodes: [{ op: 'Shell', domain: 'evil.ops', inputs: ['x'], outputs: ['y'] }] }),
      'the operator Shell of the domain "evil.ops"',
    ],
    ['what is no model', new TextEncoder().encode('not a model'), 'the file is no ONNX model'],
  ])('is refused for %s', (_, bytes, problem) => {
    expect(() => refuseUnsafe(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    expect(() => refuseUnsafe(bytes)).toThrow(problem);
  });

  it('is tried in a process of its own, which may die of it', async () => {
    const bomb = model({
      inputs: [{ name: 'x', type: 'float32', dims: ['N', 1] }],
      outputs: [{ name: 'y', type: 'float32', dims: ['N', 1] }],
      nodes: [
        { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['large'] },
        { op: 'ReduceSum', inputs: ['large'], outputs: ['sum'], attributes: { keepdims: { int: 0 } } },
        { op: 'Add', inputs: ['x', 'sum'], outputs: ['y'] },
      ],
      constants: { shape: { type: 'int64', dims: [2], values: [40_000, 40_000] } },
    });
    await expect(tryOnnx(bomb, { memoryBytesMax: 700 * MIB, secondsMax: 20 })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: 'it takes more than 700 MiB of memory to load and run once',
    });
    const report = await tryOnnx(lightgbm, { memoryBytesMax: 700 * MIB, secondsMax: 20 });
    expect(report).toMatchObject({ classes: [0, 1], run: { rowsIndependent: true } });
  });
});

describe('a measured run', () => {
  it('tells a batch from a dimension that the answer hangs on', () => {
    const measured = (bytes: Uint8Array): boolean => measureRun(OnnxModel.load(bytes)).rowsIndependent;
    expect(measured(lightgbm)).toBe(true);
    const cumulative = model({
      nodes: [{ op: 'CumSum', inputs: ['x', 'axis'], outputs: ['y'] }],
      constants: { axis: { type: 'int64', dims: [], values: [0] } },
    });
    expect(measured(cumulative)).toBe(false);
  });
});

describe('a model worker', () => {
  it('keeps slow models in its thread and gives the others to the loop; both answer alike, to the bit', async () => {
    const [small, large] = [new ModelWorker({ loopMicrosMax: 1e6 }), new ModelWorker({ loopMicrosMax: 0 })];
    try {
      const [onLoop, inWorker] = await Promise.all([small.load(lightgbm), large.load(lightgbm)]);
      expect([onLoop.runsOn, inWorker.runsOn]).toEqual(['loop', 'worker']);
      expect(onLoop.measured?.micros).toBeGreaterThan(0);
      const rows = sample(onLoop.inputs, [1, 2, 3]);
      expect(await inWorker.call(rows)).toEqual(onLoop.call(rows));
      const features = rows['input']?.data as Float32Array;
      expect(await inWorker.run(features, 3)).toEqual(onLoop.run(features, 3));
      await expect(inWorker.run(features, 4)).rejects.toMatchObject({ code: 'FEATURES_MISMATCHED' });
      inWorker.dispose();
      onLoop.dispose();
      await expect(large.load(new Uint8Array(3))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    } finally {
      await Promise.all([small.close(), large.close()]);
    }
  });
});
