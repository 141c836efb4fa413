import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { decodeJson, encodeJson } from './oip-json.js';
import { decodeRequest } from './oip-request.js';
import type { InferRequest, Tensor } from './oip.js';

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
const Request = new protobuf.Root().loadSync(PROTO, { keepCase: true }).lookupType('inference.ModelInferRequest');

const grpc = (input: object, raw: Buffer[] = []): InferRequest => {
  const message = { inputs: [{ name: 'x', ...input }], raw_input_contents: raw };
  return decodeRequest(Buffer.from(Request.encode(Request.fromObject(message)).finish()));
};
const json = (body: string | Buffer, binary: Buffer = Buffer.alloc(0)): InferRequest => {
  const head = Buffer.from(body);
  return decodeJson('m', '', { body: Buffer.concat([head, binary]), jsonBytes: head.length }).request;
};
const withData = (datatype: string, shape: string, data: string): InferRequest =>
  json(`{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}]}`);
const valuesOf = ({ inputs }: InferRequest): unknown[] => Array.from(inputs[0]?.values as ArrayLike<unknown>);

/** An element after one that is as it should be, in each of the ways in which it can come. */
const ways: [string, (bytes: Buffer) => InferRequest][] = [
  [
    'typed',
    (bytes) => grpc({ datatype: 'BYTES', shape: [2], contents: { bytes_contents: [Buffer.from('a'), bytes] } }),
  ],
  ['raw', (bytes) => grpc({ datatype: 'BYTES', shape: [2] }, [lengthed(Buffer.from('a'), bytes)])],
  [
    'binary',
    (bytes) => {
      const raw = lengthed(Buffer.from('a'), bytes);
      const parameters = { binary_data_size: raw.length };
      return json(JSON.stringify({ inputs: [{ name: 'x', datatype: 'BYTES', shape: [2], parameters }] }), raw);
    },
  ],
];
const lengthed = (...elements: Buffer[]): Buffer =>
  Buffer.concat(elements.flatMap((bytes) => [Buffer.from(Uint32Array.of(bytes.length).buffer), bytes]));

describe('text for a model', () => {
  const nul = 'input "x" holds the character NUL in element 1, where a model would take the text to end';
  const noText = 'input "x" holds in element 1 what is no UTF-8; expected text';

  it.each(ways)('is refused where the model would not see all of it: %s', (_, asked) => {
    expect(valuesOf(asked(Buffer.from('é\ufffd')))).toEqual(['a', 'é\ufffd']);
    expect(() => asked(Buffer.from('b\0c'))).toThrow(nul);
    for (const bytes of [[0xff], [0xed, 0xa0, 0x80], [0x62, 0xc3]])
      expect(() => asked(Buffer.from(bytes))).toThrow(noText);
  });

  it('is refused likewise in JSON', () => {
    expect(valuesOf(withData('BYTES', '[2]', '["a","\\ud83c\\udf0a"]'))).toEqual(['a', '🌊']);
    expect(() => withData('BYTES', '[2]', '["a","b\\u0000c"]')).toThrow(nul);
    expect(() => withData('BYTES', '[2]', '["a","\\ud83c"]')).toThrow(noText);
    const latin1 = Buffer.from('{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":["é"]}]}', 'latin1');
    expect(() => json(latin1)).toThrow('the JSON of the body is no UTF-8');
  });
});

describe('text beside tensors', () => {
  it('is refused where it could be taken for another', () => {
    expect(() => json('{"id":"\\ud83c"}')).toThrow('id: holds half a character; expected text that is UTF-8');
    expect(() => json('{"parameters":{"entity":"\\ud83c"}}')).toThrow('parameters.entity: holds half a character');
    // Field 3 is the id.
    expect(() => decodeRequest(Buffer.from([0x1a, 1, 0xff]))).toThrow('a text is no UTF-8');
    expect(decodeRequest(Buffer.from('\x1a\x03\ufffd')).id).toBe('\ufffd');
  });
});

describe('numbers in JSON', () => {
  it.each([
    ['FP32', '1e39', '1e+39', 'from -3.4028234663852886e+38 to 3.4028234663852886e+38'],
    ['FP32', '1000000000000000000000000000000000000000', '1e+39', 'from -3.4028234663852886e+38'],
    ['FP16', '-65520', '-65520', 'from -65504 to 65504'],
    ['FP64', '1e400', 'Infinity', 'to 1.7976931348623157e+308'],
    ['INT32', '1e400', 'Infinity', 'whole numbers from -2147483648 to 2147483647'],
    ['UINT64', '-12345678901234567', '-12345678901234567', 'whole numbers from 0 to 18446744073709551615'],
    ['FP32', '"1"', '"1"', 'numbers'],
  ])('are refused beyond their datatype: %s %s', (datatype, given, shown, range) => {
    expect(() => withData(datatype, '[2]', `[0,${given}]`)).toThrow(
      expect.objectContaining({ code: 'FEATURES_MISMATCHED' }),
    );
    expect(() => withData(datatype, '[2]', `[0,${given}]`)).toThrow(
      `input "x" is ${datatype} and holds ${shown} in element 1; expected `,
    );
    expect(() => withData(datatype, '[2]', `[0,${given}]`)).toThrow(range);
  });

  it('are rounded up to the largest of their datatype', () => {
    expect(valuesOf(withData('FP16', '[1]', '[65519]'))).toEqual([65_504]);
    expect(valuesOf(withData('FP32', '[1]', '[3.4028235e38]'))).toEqual([Math.fround(3.4028235e38)]);
  });

  it('may be infinite where they came as bits', () => {
    const bits = Buffer.from(Float32Array.of(Infinity, NaN).buffer);
    expect(valuesOf(grpc({ datatype: 'FP32', shape: [2] }, [bits]))).toEqual([Infinity, NaN]);
  });

  it('keep the sign of zero, both ways', () => {
    expect(valuesOf(withData('FP32', '[2]', '[-0.0,0]'))).toEqual([-0, 0]);
    const output: Tensor = { name: 'y', datatype: 'FP32', shape: [3], values: Float32Array.of(-0, 0, -1) };
    const answer = { model: 'm', version: '1', id: '', parameters: {}, outputs: [output] };
    expect(encodeJson(answer, () => false).body.toString()).toContain('"data":[-0.0,0,-1]');
  });

  it('may be longer than a number can be, also as a parameter, over gRPC too', () => {
    const entity = (choice: object): unknown => {
      const message = { parameters: { entity: choice } };
      return decodeRequest(Buffer.from(Request.encode(Request.fromObject(message)).finish())).parameters['entity'];
    };
    expect(entity({ int64_param: { low: 1, high: 2 ** 21 } })).toBe('9007199254740993');
    expect(entity({ int64_param: { low: -1, high: -(2 ** 21) - 1 } })).toBe('-9007199254740993');
    expect(entity({ uint64_param: { low: -1, high: -1, unsigned: true } })).toBe('18446744073709551615');
    expect(entity({ int64_param: -7 })).toBe(-7);
    const { parameters } = json('{"parameters":{"entity":12345678901234567890,"timeout":-9999999999999999}}');
    expect(parameters).toEqual({ entity: '12345678901234567890', timeout: '-9999999999999999' });
  });
});

describe('lists in lists', () => {
  it('are taken as the shape says, or as one list', () => {
    for (const data of ['[[1,2,3],[4,5,6]]', '[1,2,3,4,5,6]'])
      expect(valuesOf(withData('FP32', '[2,3]', data))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(valuesOf(withData('FP32', '[2,0]', '[[],[]]'))).toEqual([]);
    expect(valuesOf(withData('FP32', '[]', '[7]'))).toEqual([7]);
  });

  it.each([
    ['[2,3]', '[[1,2],[3,4],[5,6]]', 'nested as [3, 2]: data has 3 elements; expected 2, or all elements in one list'],
    ['[2,2]', '[[1,2],[3,4,5]]', 'nested as [2, 2]: data.1 has 3 elements; expected 2'],
    ['[2,2]', '[[1,2],3,4]', 'data has 3 elements; expected 2'],
    ['[2,2]', '[[1,2],3]', 'data.1 is none; expected a list of 2'],
    ['[2,1]', '[[1],[[2]]]', 'data.1.0 is a list; expected an element'],
    ['[2]', '[[1],[2]]', 'nested as [2, 1]: data.0 is a list; expected an element'],
    ['[]', '[[1]]', 'nested as [1, 1]: data has 1 elements; expected no list'],
  ])('are refused where they contradict the shape %s: %s', (shape, data, problem) => {
    const declared = `input "x" has shape [${(JSON.parse(shape) as number[]).join(', ')}], and its data is `;
    expect(() => withData('FP32', shape, data)).toThrow(declared);
    expect(() => withData('FP32', shape, data)).toThrow(problem);
  });

  it('are expected where something else is', () => {
    expect(() => withData('FP32', '[1]', '1')).toThrow('input "x" has data that is no list');
  });
});

describe('a tensor’s shape and datatype', () => {
  it.each<[string, () => unknown]>([
    ['gRPC', () => grpc({ datatype: 'FP32', shape: [{ low: 0, high: 2 ** 30 }, 0] })],
    ['JSON', () => withData('FP32', '[4611686018427387904,0]', '[]')],
  ])('are refused with all digits of a dimension beyond 2^31, %s', (_, asked) => {
    expect(asked).toThrow(
      'input "x" has shape [4611686018427387904, 0]; dimensions are whole numbers from 0 to 2147483647',
    );
  });

  it('are told to come raw where contents have no field for them', () => {
    const contents = { fp32_contents: [1] };
    for (const input of [
      { datatype: 'FP16', shape: [1] },
      { datatype: 'FP16', shape: [1], contents },
    ])
      expect(() => grpc(input)).toThrow(
        'input "x" is FP16, for which the protocol has no field of contents; expected it in raw_input_contents',
      );
  });
});
