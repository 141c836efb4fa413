import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { GyreError } from '@gyre/contracts';
import { decodeAnswer, encodeAnswer } from './oip-answer.js';
import { decodeJson, encodeJson, type HttpMessage, type JsonRequest } from './oip-json.js';
import { decodeRequest, encodeRequest } from './oip-request.js';
import { arrays, numbersOf, type Datatype, type InferAnswer, type InferRequest, type Tensor } from './oip.js';

const PROTO = fileURLToPath(new URL('../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
const schema = new protobuf.Root().loadSync(PROTO, { keepCase: true });
const Request = schema.lookupType('inference.ModelInferRequest');
const Response = schema.lookupType('inference.ModelInferResponse');
const AS_TEXT = { longs: String, bytes: Buffer, arrays: true, objects: true } as const;

const integer = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const elements: Record<Datatype, fc.Arbitrary<number | bigint | string>> = {
  BOOL: integer(0, 1),
  UINT8: integer(0, 255),
  INT8: integer(-128, 127),
  UINT16: integer(0, 65_535),
  INT16: integer(-32_768, 32_767),
  UINT32: integer(0, 2 ** 32 - 1),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  FP16: fc.double({ noDefaultInfinity: true }),
  FP32: fc.float(),
  FP64: fc.double(),
  BYTES: fc.string({ unit: 'grapheme' }),
};
const fields: Record<string, string> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};
const datatypes = Object.keys(elements) as Datatype[];
const typed = datatypes.filter((datatype) => datatype !== 'FP16');
const tensor = (among: readonly Datatype[]): fc.Arbitrary<Tensor> =>
  fc
    .tuple(fc.constantFrom(...among), integer(0, 4), integer(1, 40), fc.string({ maxLength: 9 }))
    .chain(([datatype, rows, width, name]) =>
      fc.array(elements[datatype], { minLength: rows * width, maxLength: rows * width }).map((values): Tensor => {
        const list = datatype === 'BYTES' ? (values as string[]) : numbersOf(datatype, values as number[]);
        return { name, datatype, shape: [rows, width], values: list };
      }),
    );
const parameters = fc.dictionary(
  fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
  fc.oneof(fc.string(), fc.boolean(), fc.maxSafeInteger(), fc.double({ noInteger: true })),
);
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const message = fc.boolean().chain((raw) =>
  fc.record({
    model: text,
    version: text,
    id: text,
    parameters,
    tensors: fc.array(tensor(raw ? datatypes : typed), { minLength: raw ? 1 : 0, maxLength: 3 }),
    raw: fc.constant(raw),
    outputs: fc.array(fc.string({ maxLength: 9 }), { maxLength: 2 }),
  }),
);
type Message = typeof message extends fc.Arbitrary<infer M> ? M : never;

const requestOf = ({ tensors, ...rest }: Message): InferRequest => ({ ...rest, inputs: tensors });
const answerOf = ({ model, version, id, parameters, tensors }: Message): InferAnswer => ({
  model,
  version,
  id,
  parameters,
  outputs: tensors,
});

/** The message as protobufjs takes it: written down from the proto file, with nothing of ours. */
function object(given: Message): Record<string, unknown> {
  const { model, version, id, tensors, raw } = given;
  const choice = (value: unknown): object => {
    if (typeof value === 'string') return { string_param: value };
    if (typeof value === 'boolean') return { bool_param: value };
    return Number.isInteger(value) ? { int64_param: value } : { double_param: value };
  };
  const contents = ({ datatype, values }: Tensor): object => ({
    [fields[datatype] as string]: Array.from(values as ArrayLike<unknown>, (value) => {
      if (datatype === 'BYTES') return Buffer.from(value as string);
      if (datatype === 'BOOL') return value === 1;
      return typeof value === 'bigint' ? long(value) : value;
    }),
  });
  return {
    model_name: model,
    model_version: version,
    id,
    parameters: Object.fromEntries(Object.entries(given.parameters).map(([key, value]) => [key, choice(value)])),
    tensors: tensors.map((one) => {
      const { name, datatype, shape } = one;
      return { name, datatype, shape, ...(raw ? {} : { contents: contents(one) }) };
    }),
    raw: raw ? tensors.map(rawByHand) : [],
  };
}
function long(value: bigint): object {
  const [low, high] = [value, value >> 32n].map((half) => Number(BigInt.asIntN(32, half)));
  return { low, high, unsigned: value > 0n };
}

/** As the protocol describes raw contents. */
function rawByHand({ datatype, values }: Tensor): Buffer {
  if (datatype !== 'BYTES') {
    const list = values as Float64Array;
    return Buffer.from(new arrays[datatype](list as never).buffer);
  }
  return Buffer.concat(
    (values as string[]).flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(value));
      return [length, Buffer.from(value)];
    }),
  );
}

const encoded = (type: protobuf.Type, message: object): Buffer =>
  Buffer.from(type.encode(type.fromObject(message)).finish());
/** At an odd place in a larger buffer, as a message's bytes lie. */
const displaced = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
const requestObject = (given: Message): object => {
  const { tensors, raw, ...rest } = object(given);
  return { ...rest, inputs: tensors, outputs: given.outputs.map((name) => ({ name })), raw_input_contents: raw };
};
const answerObject = (given: Message): object => {
  const { tensors, raw, ...rest } = object(given);
  return { ...rest, outputs: tensors, raw_output_contents: raw };
};

describe('the codec of inference messages', () => {
  it('reads of a request what protobufjs wrote', () => {
    fc.assert(
      fc.property(message, (given) => {
        const { parameters: read, ...rest } = decodeRequest(displaced(encoded(Request, requestObject(given))));
        const { parameters: wanted, ...others } = requestOf(given);
        expect(rest).toEqual(others);
        expect({ ...read }).toEqual({ ...wanted });
      }),
    );
  });

  it('writes a request that protobufjs reads', () => {
    fc.assert(
      fc.property(message, (given) => {
        const read = Request.toObject(Request.decode(encodeRequest(requestOf(given))), AS_TEXT);
        expect(read).toEqual(Request.toObject(Request.decode(encoded(Request, requestObject(given))), AS_TEXT));
      }),
    );
  });

  it('reads and writes answers likewise', () => {
    fc.assert(
      fc.property(message, (given) => {
        const theirs = encoded(Response, answerObject(given));
        const ours = encodeAnswer(answerOf(given), given.raw);
        expect(Response.toObject(Response.decode(ours), AS_TEXT)).toEqual(
          Response.toObject(Response.decode(theirs), AS_TEXT),
        );
        for (const bytes of [ours, theirs]) {
          const { parameters: read, ...rest } = decodeAnswer(displaced(bytes));
          const { parameters: _, ...others } = answerOf(given);
          expect(rest).toEqual(others);
          expect({ ...read }).toEqual({ ...given.parameters });
        }
      }),
    );
  });

  it('reads what is split, unpacked, in another order, or not known yet', () => {
    const writer = protobuf.Writer.create();
    const contents = (...values: number[]): Uint8Array => {
      const inner = protobuf.Writer.create();
      for (const value of values) inner.uint32((6 << 3) | 5).float(value);
      return inner.finish();
    };
    // contents before datatype and shape, and twice; dimensions one by one; a field 99 and a group.
    const tensor = protobuf.Writer.create();
    tensor.uint32((5 << 3) | 2).bytes(contents(1, 2));
    tensor
      .uint32((3 << 3) | 0)
      .int64(1)
      .uint32((99 << 3) | 0)
      .int32(-1);
    tensor
      .uint32((3 << 3) | 0)
      .int64(3)
      .uint32((2 << 3) | 2)
      .string('FP32');
    tensor
      .uint32((5 << 3) | 2)
      .bytes(contents(3))
      .uint32((1 << 3) | 2)
      .string('x');
    writer.uint32((5 << 3) | 2).bytes(tensor.finish());
    writer
      .uint32((98 << 3) | 3)
      .uint32((1 << 3) | 0)
      .uint32(7)
      .uint32((98 << 3) | 4);
    writer
      .uint32((1 << 3) | 2)
      .string('first')
      .uint32((1 << 3) | 2)
      .string('last');
    const request = decodeRequest(Buffer.from(writer.finish()));
    expect(request).toMatchObject({ model: 'last', raw: false });
    expect(request.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [1, 3], values: Float32Array.of(1, 2, 3) }]);
  });

  it('gives every mutilated message an answer or a refusal', () => {
    const refused = (bytes: Buffer): void => {
      try {
        decodeRequest(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(GyreError);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refused(Buffer.from(bytes))));
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (given, flips) => {
          const bytes = encodeRequest(requestOf(given));
          for (const [at, to] of flips) bytes[at % bytes.length] = to;
          refused(bytes);
          refused(bytes.subarray(0, (flips[0] as [number, number])[0] % bytes.length));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([
    [{ datatype: 'BF16', shape: [1] }, 'input "x" has datatype "BF16"; expected one of BOOL, UINT8'],
    [
      { datatype: 'FP32', shape: [2, -1] },
      'input "x" has shape [2, -1]; dimensions are whole numbers from 0 to 2147483647',
    ],
    [
      { datatype: 'FP32', shape: [2], contents: { fp32_contents: [1] } },
      'input "x" has shape [2], which is 2 elements, but brought 1 in fp32_contents',
    ],
    [
      { datatype: 'INT64', shape: [1], contents: { fp32_contents: [1] } },
      'input "x" has shape [1], which is 1 elements, but brought 0 in int64_contents',
    ],
    [
      { datatype: 'FP32', shape: [1], parameters: { shared_memory_region: { string_param: 'r' } } },
      '"x" has the parameter shared_memory_region, an extension that this server does not have',
    ],
    [
      { datatype: 'INT8', shape: [1], contents: { int_contents: [128] } },
      'input "x" is INT8 and holds 128 in element 0; expected -128 to 127',
    ],
  ])('refuses tensors with what was expected: %j', (input, message) => {
    const bytes = encoded(Request, { inputs: [{ name: 'x', ...input }] });
    expect(() => decodeRequest(bytes)).toThrow(message);
  });

  it.each([
    [{ datatype: 'FP32', shape: [2] }, [Buffer.alloc(7)], 'brought 7 raw bytes; expected 8: 2 elements of FP32'],
    [{ datatype: 'FP32', shape: [2] }, [Buffer.alloc(8), Buffer.alloc(8)], 'holds 2 tensors for 1 inputs'],
    [{ datatype: 'BYTES', shape: [1] }, [Buffer.from([9, 0, 0, 0, 65])], 'expected 1 BYTES elements'],
    [
      { datatype: 'FP32', shape: [1], contents: { fp32_contents: [1] } },
      [Buffer.alloc(4)],
      'has contents, and raw_input_contents holds it too',
    ],
  ])('refuses raw bytes that do not fit: %j', (input, raw, message) => {
    const bytes = encoded(Request, { inputs: [{ name: 'x', ...input }], raw_input_contents: raw });
    expect(() => decodeRequest(bytes)).toThrow(message);
  });
});

describe('tensors of the Open Inference Protocol', () => {
  const answer = (output: Tensor): InferAnswer => ({
    model: 'm',
    version: '1',
    id: 'i',
    parameters: {},
    outputs: [output],
  });
  /** What an answer holds, asked again. */
  const back = ({ body, jsonBytes }: HttpMessage): Tensor => {
    const json = body.toString('utf8', 0, jsonBytes).replace('"outputs"', '"inputs"');
    const head = Buffer.from(json);
    const message = { body: Buffer.concat([head, body.subarray(jsonBytes ?? body.length)]), jsonBytes: head.length };
    return decodeJson('m', '', message).request.inputs[0] as Tensor;
  };

  it('are the same as JSON, to the last digit', () => {
    fc.assert(
      fc.property(tensor(datatypes), (given) => {
        const read = back(encodeJson(answer(given), () => false));
        // JSON has no infinities.
        const plain = ({ values }: Tensor): unknown[] =>
          Array.from(values as ArrayLike<unknown>, (x) => (Math.abs(Number(x)) === Infinity ? NaN : x));
        expect({ ...read, values: plain(read) }).toEqual({ ...given, values: plain(given) });
      }),
    );
  });

  it('are the same binary, to the bit', () => {
    fc.assert(
      fc.property(tensor(datatypes), (given) => {
        const message = encodeJson(answer(given), () => true);
        expect(back(message)).toEqual(given);
        expect(message.body.subarray(message.jsonBytes)).toEqual(rawByHand(given));
      }),
    );
  });

  const asked = (json: object, rest = Buffer.alloc(0), jsonBytes?: number): JsonRequest => {
    const head = Buffer.from(JSON.stringify(json));
    return decodeJson('m', '', { body: Buffer.concat([head, rest]), jsonBytes: jsonBytes ?? head.length });
  };

  it('may be nested in JSON, and null is a missing number', () => {
    const data = [
      [1, null],
      [3, 4],
    ];
    const { request } = asked({ inputs: [{ name: 'x', shape: [2, 2], datatype: 'FP32', data }] });
    expect(request.inputs[0]?.values).toEqual(Float32Array.of(1, NaN, 3, 4));
  });

  it('come back binary where the request says so', () => {
    const outputs = [{ name: 'a', parameters: { binary_data: false } }, { name: 'b' }];
    const { isBinary, request } = asked({ parameters: { binary_data_output: true, entity: 'x' }, outputs });
    expect(['a', 'b'].map(isBinary)).toEqual([false, true]);
    expect(request).toMatchObject({ outputs: ['a', 'b'], parameters: { entity: 'x' } });
    expect(request.parameters).not.toHaveProperty('binary_data_output');
  });

  const four = { name: 'x', shape: [1], datatype: 'FP32', parameters: { binary_data_size: 4 } };
  it.each([
    [{ inputs: [four] }, 3, undefined, 'has binary_data_size 4, and 3 bytes of the body are left'],
    [{ inputs: [four] }, 5, undefined, '1 bytes of the body belong to no input'],
    [{ inputs: [{ ...four, parameters: { binary_data_size: 2 } }] }, 2, undefined, 'brought 2 raw bytes; expected 4'],
    [{ inputs: [] }, 0, 999, 'inference-header-content-length is 999 and the body has'],
    [{ inputs: [{ ...four, parameters: {}, data: ['1'] }] }, 0, undefined, 'is FP32 and holds "1" in element 0'],
    [
      { inputs: [{ ...four, datatype: 'UINT8', parameters: {}, data: [256] }] },
      0,
      undefined,
      'is UINT8 and holds 256 in element 0; expected whole numbers from 0 to 255',
    ],
    [{ inputs: [{ name: 'x' }] }, 0, undefined, 'inputs.0.shape'],
  ])('are refused with what was expected: %j', (json, bytes, jsonBytes, problem) => {
    expect(() => asked(json, Buffer.alloc(bytes), jsonBytes)).toThrow(problem);
  });
});
