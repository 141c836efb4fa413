import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { GyreError } from '@gyre/contracts';
import { encodeOnnx, measureRun, OnnxModel, prepareOnnx, refuseUnsafe, tryOnnx, type OnnxModelParts } from './index.js';
import { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from './onnx-schema.js';
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

function repeated(part: Uint8Array, times: number): Uint8Array {
  return new Uint8Array(Buffer.alloc(part.length * times, part));
}

/** A file whose graph these bytes are. */
const inGraph = (graph: Uint8Array): Uint8Array => new MessageWriter().bytes(ModelProto.graph, graph).finish();

/** A graph in a node in a graph, and so on. */
function nested(depth: number): Uint8Array {
  let graph: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < depth; i++) {
    const attribute = new MessageWriter().bytes(AttributeProto.g, graph);
    const node = new MessageWriter().text(NodeProto.opType, 'If').message(NodeProto.attribute, attribute);
    graph = new MessageWriter().message(GraphProto.node, node).finish();
  }
  return inGraph(graph);
}

/** A classifier between so many classes, each label a field by itself. */
function labelled(count: number): Uint8Array {
  const labels = repeated(Uint8Array.of(AttributeProto.ints << 3, 1), count);
  const name = new MessageWriter().text(AttributeProto.name, 'classlabels_ints').finish();
  const node = new MessageWriter().text(NodeProto.opType, 'LinearClassifier').text(NodeProto.domain, 'ai.onnx.ml');
  const attribute = node.bytes(NodeProto.attribute, concatenated([name, labels]));
  return inGraph(new MessageWriter().message(GraphProto.node, attribute).finish());
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
    [
      'paths out of its folder',
      withConstant(
        new MessageWriter()
          .text(TensorProto.name, 'w')
          .message(TensorProto.externalData, new MessageWriter().text(1, 'location').text(2, '../../etc/passwd')),
      ),
      'the constant "w" of the graph lies in another file',
    ],
    [
      'constants whose size is beyond numbers',
      withConstant(new MessageWriter().integers(TensorProto.dims, new Array<number>(60).fill(2 ** 40))),
      'which is Infinity elements, and brings 0 bytes',
    ],
    [
      'constants that hide their size behind an empty list of dimensions',
      withConstant(new MessageWriter().integer(TensorProto.dims, 1e9).integers(TensorProto.dims, [])),
      'which is 1000000000 elements, and brings 0 bytes',
    ],
    [
      'constants of negative size',
      withConstant(new MessageWriter().text(TensorProto.name, 'w').integers(TensorProto.dims, [-1, 4])),
      'the constant "w" of the graph has the shape [-1, 4]',
    ],
    [
      'constants of dimensions by the million',
      withConstant(new MessageWriter().bytes(TensorProto.dims, new Uint8Array(8 * MIB).fill(1))),
      'has more than 64 dimensions',
    ],
    [
      'nodes by the million',
      inGraph(repeated(Uint8Array.of((GraphProto.node << 3) | 2, 0), 4_000_000)),
      'more than 1000000',
    ],
    ['parts by the million', repeated(Uint8Array.of(8, 1), 4_000_000), 'a message has more than 1000000 fields'],
    ['groups in groups', new Uint8Array(8 * MIB).fill((1 << 3) | 3), 'it holds a group, which no message of ONNX has'],
    ['graphs in graphs without end', nested(40), 'lies in others more than 32 deep'],
    ['class labels by the million', labelled(2_000_000), 'LinearClassifier in the graph has 2000000 class labels'],
    ['its end, which is missing', lightgbm.subarray(0, lightgbm.length / 2), 'the file is no ONNX model'],
    ['what is no model', new TextEncoder().encode('not a model'), 'the file is no ONNX model'],
  ])('is refused for %s', (_, bytes, problem) => {
    expect(() => refuseUnsafe(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    expect(() => refuseUnsafe(bytes)).toThrow(problem);
  });

  it('is refused with a reason, or let through, wherever it is cut off or changed', () => {
    const whole = withConstant(new MessageWriter().text(TensorProto.name, 'w').integers(TensorProto.dims, [0]));
    const seen = new Set<string>();
    const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const changes = fc.array(fc.tuple(place, fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(place, changes, fc.boolean(), (end, flips, isCut) => {
        const bytes = whole.slice(0, isCut ? Math.floor(end * whole.length) : undefined);
        for (const [at, to] of flips) bytes[Math.floor(at * bytes.length)] = to;
        try {
          refuseUnsafe(bytes);
          prepareOnnx(bytes);
          seen.add('through');
        } catch (error) {
          seen.add((error as GyreError).code ?? String(error));
        }
      }),
      { numRuns: 2_000 },
    );
    expect([...seen].sort()).toEqual(['MODEL_INVALID', 'through']);
  });

  it('is refused by the trial where only onnxruntime can tell, with its reason', async () => {
    const limits = { memoryBytesMax: 700 * MIB, secondsMax: 20 };
    const cycle = model({
      nodes: [
        { op: 'Add', inputs: ['x', 'b'], outputs: ['a'] },
        { op: 'Relu', inputs: ['a'], outputs: ['b'] },
        { op: 'Relu', inputs: ['b'], outputs: ['y'] },
      ],
    });
    await expect(tryOnnx(cycle, limits)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringMatching(/acyclic|topolog/) as string,
    });
    const unknown = model({ nodes: [{ op: 'Shell', inputs: ['x'], outputs: ['y'] }] });
    await expect(tryOnnx(unknown, limits)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('Shell') as string,
    });
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
