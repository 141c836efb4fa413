import { isUtf8 } from 'node:buffer';
import { GyreError } from '@gyre/contracts';
import { refuseDeepJson } from '@gyre/hosting';
import { datatypeOf, elementsOf, type Datatype, type InferAnswer, type InferRequest, type Tensor } from './oip.js';
import { refuseExtensions } from './oip-parameters.js';
import { readData } from './oip-json-data.js';
import { requestOf, type JsonRequestBody, type JsonTensor } from './oip-json-request.js';
import { rawOf, readRaw } from './oip-raw.js';

/** A request as it came over HTTP: JSON, and after it the tensors that the JSON says are binary. */
export interface HttpMessage {
  body: Buffer;
  /** How long the JSON is; undefined: all of it is. */
  jsonBytes: number | undefined;
}

/** A request of the wire, and which of its answer's outputs are to be binary. */
export interface JsonRequest {
  request: InferRequest;
  isBinary: (output: string) => boolean;
}

/**
 * Reads a request with JSON tensors, and with the binary tensor data extension.
 * @throws GyreError BAD_REQUEST for what is no such JSON; FEATURES_MISMATCHED if a tensor's datatype, shape and data do not fit each other
 */
export function decodeJson(model: string, version: string, { body, jsonBytes }: HttpMessage): JsonRequest {
  if (jsonBytes !== undefined && !(Number.isInteger(jsonBytes) && jsonBytes >= 0 && jsonBytes <= body.length)) {
    throw new GyreError(
      'BAD_REQUEST',
      `inference-header-content-length is ${jsonBytes} and the body has ${body.length} bytes; expected the length of the JSON before the tensors`,
    );
  }
  refuseDeepJson(body, jsonBytes);
  const json = parsed(body.subarray(0, jsonBytes));
  const binary = new BinaryData(body, jsonBytes ?? body.length);
  const inputs = json.inputs.map((input) => decodeTensor(input, binary));
  binary.end();
  const { binary_data_output: all, ...parameters } = json.parameters;
  const asked = new Map(json.outputs.map(({ name, parameters: own }) => [name, own['binary_data']]));
  for (const { name, parameters: own } of json.outputs) refuseExtensions(own, name);
  const outputs = [...asked.keys()];
  return {
    request: { model, version, id: json.id, parameters, inputs, outputs, raw: false },
    isBinary: (output) => (asked.get(output) ?? all) === true,
  };
}

/** An answer for HTTP; its JSON comes first, and where it is not all, its length is told. */
export function encodeJson(answer: InferAnswer, isBinary: (output: string) => boolean): HttpMessage {
  const raw: Uint8Array[] = [];
  const json = JSON.stringify({
    model_name: answer.model,
    model_version: answer.version,
    ...(answer.id === '' ? {} : { id: answer.id }),
    parameters: answer.parameters,
    outputs: answer.outputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      if (!isBinary(name)) return { name, shape, datatype, data: encodeData(tensor) };
      const bytes = rawOf(tensor);
      raw.push(bytes);
      return { name, shape, datatype, parameters: { binary_data_size: bytes.length } };
    }),
  });
  const head = Buffer.from(json);
  return raw.length === 0
    ? { body: head, jsonBytes: undefined }
    : { body: Buffer.concat([head, ...raw]), jsonBytes: head.length };
}

function parsed(bytes: Buffer): JsonRequestBody {
  // A decoder would put other characters for it, in silence.
  if (!isUtf8(bytes)) throw new GyreError('BAD_REQUEST', 'the JSON of the body is no UTF-8; expected text');
  const text = bytes.toString('utf8');
  let json: unknown;
  try {
    json = text === '' ? {} : JSON.parse(text, LONG_NUMBER.test(text) ? exactly : undefined);
  } catch (error) {
    throw new GyreError('BAD_REQUEST', `the body is not JSON: ${(error as Error).message}`);
  }
  return requestOf(json);
}

const LONG_NUMBER = /\d{16}/;

/** The longest number of 64 bits, with its sign. */
const DIGITS_MAX = 20;

/** A whole number that a number cannot hold to the last digit, as what it is written. */
function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const { source } = context ?? {};
  const isLong = typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined;
  return isLong && source.length <= DIGITS_MAX && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** The bytes after the JSON, tensor after tensor. */
class BinaryData {
  constructor(
    private readonly body: Buffer,
    private at: number,
  ) {}

  tensor(size: unknown, datatype: Datatype, count: number, input: string): Tensor['values'] {
    const left = this.body.length - this.at;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > left) {
      throw new GyreError(
        'BAD_REQUEST',
        `input "${input}" has binary_data_size ${String(size)}, and ${left} bytes of the body are left after the JSON and the tensors before`,
      );
    }
    const from = this.at;
    this.at += size;
    return readRaw(this.body, from, this.at, datatype, count, input);
  }

  end(): void {
    const left = this.body.length - this.at;
    if (left === 0) return;
    throw new GyreError(
      'BAD_REQUEST',
      `${left} bytes of the body belong to no input; expected as many as binary_data_size says`,
    );
  }
}

function decodeTensor(input: JsonTensor, binary: BinaryData): Tensor {
  const { name, shape, parameters } = input;
  const datatype = datatypeOf(input.datatype, name);
  const count = elementsOf(shape, name);
  refuseExtensions(parameters, name);
  const size = parameters['binary_data_size'];
  if (size !== undefined) return { name, datatype, shape, values: binary.tensor(size, datatype, count, name) };
  return { name, datatype, shape, values: readData(input.data, { name, datatype, shape }, count) };
}

/** Elements that an answer writes out: more make a text longer than JavaScript's longest. */
const JSON_ELEMENTS_MAX = 4_194_304;

/**
 * Numbers as JSON has them: those that are none are null, as JSON has no word for them; long ones have all their digits, and zero has its sign.
 * @throws GyreError RUN_TOO_LARGE
 */
function encodeData({ name, shape, values, datatype }: Tensor): readonly unknown[] {
  if (values.length > JSON_ELEMENTS_MAX)
    throw new GyreError(
      'RUN_TOO_LARGE',
      `output "${name}" is [${shape.join(', ')}], which is ${values.length} elements; expected at most ${JSON_ELEMENTS_MAX} as JSON: ask for it with the parameter binary_data`,
    );
  if (datatype === 'BOOL') return Array.from(values as ArrayLike<number>, Boolean);
  if (datatype === 'BYTES') return values as readonly string[];
  if (datatype !== 'INT64' && datatype !== 'UINT64')
    return Array.from(values as ArrayLike<number>, (value) => (Object.is(value, -0) ? NEGATIVE_ZERO : value));
  return Array.from(values as ArrayLike<number | bigint>, (value) => {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : RawJson.rawJSON(String(value));
  });
}

/** Numbers longer than JavaScript's; TypeScript does not know it yet. */
const RawJson = JSON as unknown as { rawJSON(text: string): unknown };
const NEGATIVE_ZERO = RawJson.rawJSON('-0.0');
