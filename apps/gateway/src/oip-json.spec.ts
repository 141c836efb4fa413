import { asking } from './an-inference.js';
import { decodeJson, encodeJson } from './oip-json.js';
import type { InferAnswer, Tensor } from './oip.js';

describe('the JSON of the Open Inference Protocol', () => {
  const read = (input: object, after = Buffer.alloc(0)): Tensor => {
    const json = Buffer.from(JSON.stringify({ inputs: [{ name: 'x', ...input }] }));
    const body = Buffer.concat([json, after]);
    return decodeJson('m', '', { body, jsonBytes: json.length }).request.inputs[0] as Tensor;
  };
  const answer = (output: Partial<Tensor>): InferAnswer => ({
    ...asking(),
    outputs: [{ name: 'y', datatype: 'FP32', shape: [2], values: [], ...output }],
  });
  const written = (output: Partial<Tensor>): string => encodeJson(answer(output), () => false).body.toString();

  it.each([
    [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [2, 3],
    ],
    [
      [1, 2, 3, 4, 5, 6],
      [2, 3],
    ],
    [[[[1], [2], [3], [4], [5], [6]]], [1, 6, 1]],
    [[], [0]],
  ])('takes data of one list or of lists as the shape says: %j', (data, shape) => {
    const values = Float32Array.from(data.flat(3) as number[]);
    expect(read({ datatype: 'FP32', shape, data })).toMatchObject({ shape, values });
  });

  it.each([
    [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      'has 3 elements at data; expected a list of 2',
    ],
    [
      [
        [1, 2],
        [3, 4, 5, 6],
      ],
      'has 2 elements at data[0]; expected a list of 3',
    ],
    [[[1, 2, 3], 4, 5, 6], 'has 4 elements at data; expected a list of 2'],
    [[[1, 2, 3], 4], 'has 4 at data[1]; expected a list of 3'],
    [
      [
        [1, 2, 3],
        [4, 5, [6]],
      ],
      'has 1 elements at data[1][2]; expected no list there',
    ],
  ])('refuses lists in lists that the shape does not say: %j', (data, problem) => {
    expect(() => read({ datatype: 'FP32', shape: [2, 3], data })).toThrow(
      `input "x" has shape [2, 3], and its data ${problem}`,
    );
  });

  it.each([
    ['FP32', 1e39, 'numbers from -3.4028234663852886e+38 to 3.4028234663852886e+38'],
    ['FP32', -3.5e38, 'numbers from'],
    ['FP16', 65_520, 'numbers from -65504 to 65504'],
  ])('refuses a number that is none of %s: %d', (datatype, value, expected) => {
    const problem = `input "x" is ${datatype} and holds ${value}; expected ${expected}`;
    expect(() => read({ datatype, shape: [1], data: [value] })).toThrow(problem);
  });

  it('takes what rounds to the largest number', () => {
    expect(read({ datatype: 'FP16', shape: [1], data: [65_519] }).values).toEqual(Float16Array.of(65_504));
    expect(read({ datatype: 'FP32', shape: [1], data: [3.4028235e38] }).values).toEqual(Float32Array.of(3.4028235e38));
  });

  it.each([
    ['a\0b', 'element 1 holds a NUL, where a model would see its end'],
    ['a\ud800', 'element 1 holds half of a surrogate pair'],
  ])('refuses a text that a model would not see whole: %j', (text, problem) => {
    const input = { datatype: 'BYTES', shape: [2] };
    expect(() => read({ ...input, data: ['fine', text] })).toThrow(`input "x": ${problem}; expected text`);
    if (!text.isWellFormed()) return;
    const raw = Buffer.from(`\x04\0\0\0fine\x03\0\0\0${text}`);
    const parameters = { binary_data_size: raw.length };
    expect(() => read({ ...input, parameters }, raw)).toThrow(`input "x": ${problem}; expected text`);
  });

  it('refuses a body that is no UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"id":"'), Buffer.of(0xff), Buffer.from('"}')]);
    expect(() => decodeJson('m', '', { body, jsonBytes: undefined })).toThrow('the body holds bytes that are no UTF-8');
  });

  it('keeps the sign of zero, in both directions', () => {
    expect(written({ values: Float32Array.of(-0, 0) })).toContain('"data":[-0.0,0]');
    expect(read({ datatype: 'FP32', shape: [1], data: [-0] }).values).toEqual(Float32Array.of(0));
    const body = Buffer.from('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[-0.0]}]}');
    const { request } = decodeJson('m', '', { body, jsonBytes: undefined });
    expect(request.inputs[0]?.values).toEqual(Float32Array.of(-0));
  });

  it('gives no more elements than a text can hold; as bytes it does', () => {
    const output = { shape: [4_194_305], values: new Float32Array(4_194_305) };
    expect(() => written(output)).toThrow(
      'output "y" is [4194305], which is 4194305 elements; expected at most 4194304 as JSON: ask for it with the parameter binary_data',
    );
    expect(encodeJson(answer(output), () => true).body.length).toBeGreaterThan(4 * 4_194_305);
  });
});
