import { readFileSync } from 'node:fs';
import { GyreError } from '@gyre/contracts';
import { decodeOnnx, encodeOnnx, type OnnxNode, type OnnxTensor, OnnxModel, prepareOnnx } from './index.js';
import { GraphProto, ModelProto } from './onnx-schema.js';
import { concatenated, fieldsOf, MessageWriter } from './wire.js';

interface Golden {
  inputs: Record<string, number[][]>;
  expected: { label: number[]; probabilities: number[][] };
}
const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../testdata/models/${name}`, import.meta.url)));
const golden = (name: string): Golden => JSON.parse(new TextDecoder().decode(file(`${name}.json`))) as Golden;
const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? NaN))));

const MATRIX = { name: 'features', type: 'float32', dims: ['N', 2] } as const;
const CLASSIFIER: OnnxNode = {
  op: 'LinearClassifier',
  domain: 'ai.onnx.ml',
  inputs: ['features'],
  outputs: ['label', 'scores'],
  attributes: {
    coefficients: { floats: [1, 0, 0, 1, -1, -1] },
    intercepts: { floats: [0, 0, 0] },
    multi_class: { int: 1 },
    post_transform: { string: 'SOFTMAX' },
    classlabels_strings: { strings: ['down', 'level', 'up'] },
  },
};

/** A classifier as converters write it: its probabilities as a list of maps from label to number. */
function endingInZipMap(): Uint8Array {
  const zipMap: OnnxNode = {
    ...CLASSIFIER,
    op: 'ZipMap',
    inputs: ['scores'],
    outputs: ['output_probability'],
    attributes: { classlabels_strings: { strings: ['down', 'level', 'up'] } },
  };
  const parts = {
    name: 'zipped',
    inputs: [MATRIX],
    constants: {},
    opsets: { 'ai.onnx.ml': 1 },
    metadata: { made: 'here' },
  };
  const model = fieldsOf(encodeOnnx({ ...parts, outputs: [], nodes: [CLASSIFIER, zipMap] }));
  const float32 = new MessageWriter().message(1, new MessageWriter().integer(1, 1));
  const map = new MessageWriter().message(5, new MessageWriter().integer(1, 8).message(2, float32));
  const listOfMaps = new MessageWriter().message(4, new MessageWriter().message(1, map));
  const output = new MessageWriter().text(1, 'output_probability').message(2, listOfMaps);
  return concatenated(
    model.map((field) => {
      if (field.number !== ModelProto.graph) return field.raw;
      const graph = concatenated([field.content, new MessageWriter().message(GraphProto.output, output).finish()]);
      return new MessageWriter().bytes(ModelProto.graph, graph).finish();
    }),
  );
}

describe('OnnxModel', () => {
  it.each(['elec2_lightgbm_100', 'elec2_logreg'])(
    'answers as onnxruntime in Python does, one row or many at a time: %s',
    (name) => {
      const model = OnnxModel.load(file(`${name}.onnx`));
      const { inputs, expected } = golden(name);
      const rows = Object.values(inputs)[0] ?? [];
      expect(model.width).toBe(6);
      expect(model.classes).toEqual([0, 1]);
      expect(rows.length).toBeGreaterThan(10);
      expect(
        largestDifference(model.run(Float32Array.from(rows.flat()), rows.length), expected.probabilities.flat()),
      ).toBeLessThan(1e-5);
      for (const [i, row] of rows.entries()) {
        expect(largestDifference(model.run(Float32Array.from(row), 1), expected.probabilities[i] ?? [])).toBeLessThan(
          1e-5,
        );
      }
      model.dispose();
    },
  );

  it('takes and gives any tensors by name', () => {
    const model = OnnxModel.load(file('elec2_lightgbm_100.onnx'));
    const { inputs, expected } = golden('elec2_lightgbm_100');
    const rows = inputs['input'] ?? [];
    const input = { type: 'float32', dims: [rows.length, 6], data: Float32Array.from(rows.flat()) } as const;
    const { label } = model.call({ input }, ['label']);
    expect(label?.type).toBe('int64');
    expect(Array.from(label?.data as BigInt64Array, Number)).toEqual(expected.label);
    expect(Object.keys(model.call({ input }))).toEqual(['label', 'probabilities']);
    expect(() => model.call({})).toThrow('the input "input" is missing');
    expect(() => model.call({ input: { ...input, dims: [rows.length * 6] } })).toThrow(
      '"input" float32 [N, 6], got float32 [120]',
    );
    expect(() => model.call({ input, extra: input })).toThrow('no input "extra"');
    expect(() => model.call({ input }, ['nothing'])).toThrow('no output "nothing"');
    model.dispose();
  });

  it('blames the inputs only where it runs on others', () => {
    const broken = OnnxModel.load(
      encodeOnnx({
        name: 'm',
        inputs: [MATRIX],
        opsets: { '': 13 },
        metadata: {},
        outputs: [{ name: 'y', type: 'float32', dims: ['N', 7] }],
        nodes: [{ op: 'Reshape', inputs: ['features', 'shape'], outputs: ['y'] }],
        constants: { shape: { type: 'int64', dims: [2], values: [-1, 7] } },
      }),
    );
    const features = { type: 'float32', dims: [1, 2], data: new Float32Array(2) } as const;
    expect(() => broken.call({ features })).toThrow('the model failed to run');
    expect(() => broken.call({ features })).not.toThrow(GyreError);
    // It never took the sample, but seven rows: so one is the caller's fault.
    broken.call({ features: { type: 'float32', dims: [7, 2], data: new Float32Array(14) } });
    expect(() => broken.call({ features })).toThrow(expect.objectContaining({ code: 'FEATURES_MISMATCHED' }));
    broken.dispose();
  });

  it('cuts a ZipMap off: its output keeps its name and becomes the probabilities of its classes', () => {
    const model = OnnxModel.load(endingInZipMap());
    expect(model.outputs).toEqual([{ name: 'output_probability', type: 'float32', shape: ['N', 3] }]);
    expect(model.classes).toEqual(['down', 'level', 'up']);
    expect(model.metadata).toEqual({ made: 'here' });
    const powers = [Math.exp(1), Math.exp(2), Math.exp(-3)];
    const sum = powers.reduce((a, b) => a + b);
    expect(
      largestDifference(
        model.run(Float32Array.of(1, 2), 1),
        powers.map((power) => power / sum),
      ),
    ).toBeLessThan(1e-6);
    model.dispose();
  });

  it('leaves a file without a ZipMap as it was, to the byte', () => {
    const bytes = file('elec2_logreg.onnx');
    expect(prepareOnnx(bytes)).toMatchObject({ bytes, cut: [] });
  });

  it('writes constants and attributes that read again are the same, scalars and empty ones too', () => {
    const constants: Record<string, OnnxTensor> = {
      scalar: { type: 'int64', dims: [], values: [7] },
      empty: { type: 'float32', dims: [0], values: [] },
      matrix: { type: 'float64', dims: [1, 2], values: [0.5, -1] },
    };
    const attributes = { axes: { ints: [] }, scales: { floats: [] }, value: { tensor: constants['scalar']! } };
    const nodes = [{ op: 'Squeeze', domain: '', inputs: ['features'], outputs: ['y'], attributes }];
    const parts = { name: 'm', inputs: [MATRIX], outputs: [], constants, opsets: { '': 13 }, metadata: {} };
    expect(decodeOnnx(encodeOnnx({ ...parts, nodes }))).toEqual({ nodes, constants });
  });

  it('refuses what is no model, whatever its bytes', () => {
    const whole = file('elec2_logreg.onnx');
    const broken = [
      new Uint8Array(0),
      new TextEncoder().encode('not a model'),
      whole.subarray(0, 300),
      Uint8Array.from(whole, (byte, i) => (i % 7 === 3 ? byte ^ 255 : byte)),
    ];
    for (const bytes of broken) {
      const load = (): unknown => OnnxModel.load(bytes);
      expect(load).toThrow(GyreError);
      expect(load).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    }
  });

  it('refuses rows of another width, and any row once disposed of', () => {
    const model = OnnxModel.load(file('elec2_logreg.onnx'));
    const five = (): unknown => model.run(new Float32Array(5), 1);
    expect(five).toThrow(expect.objectContaining({ code: 'FEATURES_MISMATCHED' }));
    expect(five).toThrow('takes 6 features a row; 5 values are not 1 such rows');
    model.dispose();
    model.dispose();
    expect(() => model.run(new Float32Array(6), 1)).toThrow(RangeError);
  });
});
