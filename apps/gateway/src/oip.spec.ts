import fc from 'fast-check';
import { decodeRequest, encodeAnswer } from './oip-grpc.js';
import { decodeJson, encodeJson } from './oip-json.js';
import { writeRaw } from './oip-raw.js';
import type { Datatype, InferAnswer, InferRequest, Tensor } from './oip.js';

const integer = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const elements: Record<Datatype, fc.Arbitrary<number | string>> = {
  BOOL: integer(0, 1),
  UINT8: integer(0, 255),
  INT8: integer(-128, 127),
  UINT16: integer(0, 65_535),
  INT16: integer(-32_768, 32_767),
  UINT32: integer(0, 2 ** 32 - 1),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1),
  UINT64: fc.maxSafeNat(),
  INT64: fc.maxSafeInteger(),
  // JSON has no -0.
  FP32: fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  FP64: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  BYTES: fc.string({ unit: 'grapheme' }),
};
const tensor = fc
  .tuple(
    fc.constantFrom(...(Object.keys(elements) as Datatype[])),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .chain(([datatype, rows, width]) =>
    fc
      .array(elements[datatype], { minLength: rows * width, maxLength: rows * width })
      .map((values): Tensor => ({ name: 'x', datatype, shape: [rows, width], values: values as number[] })),
  );
const plain = ({ values, ...rest }: Tensor): unknown => ({ ...rest, values: Array.from(values as ArrayLike<unknown>) });
const answerOf = (output: Tensor): InferAnswer => ({
  model: 'm',
  version: '1',
  id: 'i',
  parameters: {},
  outputs: [output],
});

describe('tensors of the Open Inference Protocol', () => {
  it('are the same typed, raw and as JSON, for every datatype', () => {
    fc.assert(
      fc.property(tensor, (given) => {
        const { contents, ...head } = encodeAnswer(answerOf(given), false).outputs[0] as never as {
          contents: object;
          name: string;
          datatype: string;
          shape: number[];
        };
        const json = JSON.parse(JSON.stringify(encodeJson(answerOf(given)))) as { outputs: never[] };
        const read: InferRequest[] = [
          decodeRequest({ inputs: [{ ...head, contents }] }),
          // At an odd place in a larger buffer, as a message's bytes lie.
          decodeRequest({
            inputs: [head],
            raw_input_contents: [Buffer.concat([Buffer.alloc(1), writeRaw(given)]).subarray(1)],
          }),
          decodeJson('m', '', { inputs: json.outputs }),
        ];
        for (const request of read) expect(plain(request.inputs[0] as Tensor)).toEqual(plain(given));
      }),
    );
  });

  it('may be nested in JSON, and null is a missing number', () => {
    const inputs = [
      {
        name: 'x',
        shape: [2, 2],
        datatype: 'FP32',
        data: [
          [1, null],
          [3, 4],
        ],
      },
    ];
    expect(decodeJson('m', '', { inputs }).inputs[0]?.values).toEqual([1, NaN, 3, 4]);
  });

  it.each([
    [{ datatype: 'FP16', shape: [1] }, 'input "x" has datatype "FP16"; expected one of BOOL, UINT8'],
    [{ datatype: 'FP32', shape: [2, -1] }, 'input "x" has shape [2, -1]; dimensions are whole numbers from 0 on'],
    [
      { datatype: 'FP32', shape: [2], contents: { fp32_contents: [1] } },
      'input "x" has shape [2], which is 2 elements, but brought 1',
    ],
    [
      { datatype: 'INT64', shape: [1], contents: { fp32_contents: [1] } },
      'input "x" has shape [1], which is 1 elements, but brought 0',
    ],
  ])('are refused with what was expected: %j', (input, message) => {
    expect(() => decodeRequest({ inputs: [{ name: 'x', ...input }] })).toThrow(message);
  });

  it('are refused where raw bytes do not fit', () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2] }];
    expect(() => decodeRequest({ inputs, raw_input_contents: [Buffer.alloc(7)] })).toThrow(
      'brought 7 raw bytes; expected 8: 2 elements of FP32',
    );
    expect(() => decodeRequest({ inputs, raw_input_contents: [Buffer.alloc(8), Buffer.alloc(8)] })).toThrow(
      'holds 2 tensors for 1 inputs',
    );
    const strings = [{ name: 'x', datatype: 'BYTES', shape: [1] }];
    expect(() => decodeRequest({ inputs: strings, raw_input_contents: [Buffer.from([9, 0, 0, 0, 65])] })).toThrow(
      'expected 1 BYTES elements',
    );
  });
});
