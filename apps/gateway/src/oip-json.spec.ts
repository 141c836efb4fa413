import { asking } from './an-inference.js';
import { encodeJson } from './oip-json.js';
import type { InferAnswer } from './oip.js';

describe('an answer as JSON', () => {
  const many = 4_194_305;
  const answer: InferAnswer = {
    ...asking(),
    outputs: [{ name: 'y', datatype: 'FP32', shape: [many], values: new Float32Array(many) }],
  };

  it('gives no more elements than a text can hold; as bytes it does', () => {
    expect(() => encodeJson(answer, () => false)).toThrow(
      'output "y" is [4194305], which is 4194305 elements; expected at most 4194304 as JSON: ask for it with the parameter binary_data',
    );
    expect(encodeJson(answer, () => true).body.length).toBeGreaterThan(4 * many);
  });
});
