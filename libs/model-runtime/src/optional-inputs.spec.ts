import { encodeOnnx, measureRun, ModelWorker, OnnxModel, type OnnxModelParts, type TensorValue } from './index.js';

/** y = x × scale + shift, where scale and shift have a value in the file. */
const PARTS: OnnxModelParts = {
  name: 'm',
  inputs: [
    { name: 'scale', type: 'float32', dims: [1] },
    { name: 'x', type: 'float32', dims: ['N', 2] },
    { name: 'shift', type: 'int64', dims: [] },
  ],
  outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
  nodes: [
    { op: 'Mul', inputs: ['x', 'scale'], outputs: ['scaled'] },
    { op: 'Cast', inputs: ['shift'], outputs: ['by'], attributes: { to: { int: 1 } } },
    { op: 'Add', inputs: ['scaled', 'by'], outputs: ['y'] },
  ],
  constants: {
    scale: { type: 'float32', dims: [1], values: [3] },
    shift: { type: 'int64', dims: [], values: [10] },
  },
  opsets: { '': 13 },
  metadata: {},
};
const x: TensorValue = { type: 'float32', dims: [1, 2], data: Float32Array.of(1, 2) };
const scale: TensorValue = { type: 'float32', dims: [1], data: Float32Array.of(5) };
const shift: TensorValue = { type: 'int64', dims: [], data: BigInt64Array.of(-1n) };

describe('an input that the file has a value for', () => {
  it('takes what is brought, and else that value', () => {
    const model = OnnxModel.load(encodeOnnx(PARTS));
    expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(model.optionalInputs).toEqual([
      { name: 'scale', type: 'float32', shape: [1] },
      { name: 'shift', type: 'int64', shape: [] },
    ]);
    const y = (inputs: Record<string, TensorValue>): unknown => model.call({ x, ...inputs })['y']?.data;
    expect(y({})).toEqual(Float32Array.of(13, 16));
    expect(y({ scale })).toEqual(Float32Array.of(15, 20));
    expect(y({ scale, shift })).toEqual(Float32Array.of(4, 9));
    expect(y({})).toEqual(Float32Array.of(13, 16));
    expect(model.run(x.data as Float32Array, 1)).toEqual(Float32Array.of(13, 16));
    expect(measureRun(model).rowsIndependent).toBe(true);
    expect(() => y({ scale: { ...scale, dims: [2], data: Float32Array.of(1, 2) } })).toThrow(
      'the input is "scale" float32 [1], got float32 [2] of 2 values',
    );
  });

  it('does so in a process, for what is brought may make runs of any length', async () => {
    const worker = new ModelWorker({ loopMicrosMax: 1e6, processesMax: 1, runMsMax: Infinity, bytesMax: Infinity });
    const model = await worker.load(encodeOnnx(PARTS));
    expect(model.runsOn).toBe('process');
    expect((await model.call({ x }))['y']?.data).toEqual(Float32Array.of(13, 16));
    expect((await model.call({ x, shift }))['y']?.data).toEqual(Float32Array.of(2, 5));
    await worker.close();
  });

  it('is a weight where it is large, and stays as it is', () => {
    const wide = 2_000;
    const inputs = PARTS.inputs.map((one) => (one.name === 'shift' ? one : { ...one, dims: ['N', wide] }));
    const weights = { type: 'float32', dims: [1, wide], values: new Float32Array(wide).fill(3) } as const;
    const model = OnnxModel.load(encodeOnnx({ ...PARTS, inputs, constants: { ...PARTS.constants, scale: weights } }));
    expect([model.inputs.length, model.optionalInputs.length]).toEqual([1, 0]);
  });

  it('is refused with its file where that value is not of the declared shape', () => {
    const scaled = { type: 'float32', dims: [2], values: [3, 4] } as const;
    expect(() => OnnxModel.load(encodeOnnx({ ...PARTS, constants: { ...PARTS.constants, scale: scaled } }))).toThrow(
      'onnxruntime cannot run the model: Type Error: Shape of initializer scale does not match',
    );
  });
});
