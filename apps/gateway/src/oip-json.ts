import { isUtf8 } from 'node:buffer';
import { GyreError } from '@gyre/contracts';
import { refuseDeepJson } from '@gyre/hosting';
import {
  checkCount,
  datatypeOf,
  elementsOf,
  numbersOf,
  type Datatype,
  type InferAnswer,
  type InferRequest,
  type Parameters,
  type Tensor,
} from './oip.js';
import { refuseExtensions } from './oip-parameters.js';
import { requestOf, type JsonRequestBody, type JsonTensor } from './oip-json-request.js';
import { rawOf, readRaw, wholeText } from './oip-raw.js';

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
  if (!isUtf8(body.subarray(0, jsonBytes)))
    throw new GyreError('BAD_REQUEST', 'the body holds bytes that are no UTF-8; expected JSON, which is');
  const json = parsed(body.toString('utf8', 0, jsonBytes));
  const binary = new BinaryData(body, jsonBytes ?? body.length);
  const inputs = json.inputs.map((input) => decodeTensor(input, binary));
  binary.end();
  const { binary_data_output: all, ...parameters } = json.parameters as Parameters;
  const asked = new Map(json.outputs.map(({ name, parameters: own }) => [name, own['binary_data']]));
  for (const { name, parameters: own } of json.outputs) refuseExtensions(own as Parameters, name);
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

function parsed(text: string): JsonRequestBody {
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
  refuseExtensions(parameters as Parameters, name);
  const size = parameters['binary_data_size'];
  if (size !== undefined) return { name, datatype, shape, values: binary.tensor(size, datatype, count, name) };
  const elements = elementsIn(input.data, shape, name);
  checkCount(name, shape, count, elements.length, 'data');
  if (datatype === 'BYTES') return { name, datatype, shape, values: elements.map((e, i) => text(e, name, i)) };
  return {
    name,
    datatype,
    shape,
    values: numbersOf(datatype, elements.map((e) => number(e, datatype, name)) as number[]),
  };
}

/**
 * A tensor's elements: of one list, or of lists in lists as the shape says.
 * @throws GyreError FEATURES_MISMATCHED
 */
function elementsIn(data: unknown, shape: readonly number[], input: string): readonly unknown[] {
  if (!Array.isArray(data)) return [];
  if (!data.some(Array.isArray)) return data as unknown[];
  const elements: unknown[] = [];
  const enter = (list: unknown, place: string, depth: number): void => {
    const size = shape[depth];
    if (!Array.isArray(list) || list.length !== size) {
      const found = Array.isArray(list) ? `${list.length} elements` : JSON.stringify(list);
      const problem = `has ${found} at ${place}; expected ${size === undefined ? 'no list there' : `a list of ${size}`}`;
      throw new GyreError(
        'FEATURES_MISMATCHED',
        `input "${input}" has shape [${shape.join(', ')}], and its data ${problem}`,
      );
    }
    for (const [i, element] of (list as unknown[]).entries())
      if (depth + 1 < shape.length || Array.isArray(element)) enter(element, `${place}[${i}]`, depth + 1);
      else elements.push(element);
  };
  enter(data, 'data', 0);
  return elements;
}

function text(element: unknown, input: string, place: number): string {
  if (typeof element === 'string') return wholeText(element, input, place);
  throw mismatch(input, 'BYTES', element, 'strings');
}

const RANGES: Partial<Record<Datatype, [number | bigint, number | bigint]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, 2n ** 64n - 1n],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

function number(element: unknown, datatype: Datatype, input: string): number | bigint {
  const range = RANGES[datatype];
  if (typeof element === 'number' || typeof element === 'bigint') {
    if (range !== undefined) {
      const whole = typeof element === 'bigint' || Number.isInteger(element);
      if (whole && element >= range[0] && element <= range[1]) return element;
      throw mismatch(input, datatype, element, `whole numbers from ${range[0]} to ${range[1]}`);
    }
    if (datatype === 'BOOL') return element === 0 ? 0 : 1;
    const float = Number(element);
    const most = FLOAT_MAX[datatype] as number;
    // What is no more than half a step beyond the largest is rounded to it.
    if (Number.isFinite(asFloat(float, datatype))) return float;
    throw mismatch(input, datatype, element, `numbers from ${-most} to ${most}`);
  }
  if (element === null && datatype.startsWith('FP')) return NaN;
  if (typeof element === 'boolean' && datatype === 'BOOL') return element ? 1 : 0;
  throw mismatch(input, datatype, element, datatype === 'BOOL' ? 'true or false' : 'numbers');
}

const FLOAT_MAX: Partial<Record<Datatype, number>> = {
  FP16: 65_504,
  FP32: 3.4028234663852886e38,
  FP64: Number.MAX_VALUE,
};

function asFloat(value: number, datatype: Datatype): number {
  return datatype === 'FP32' ? Math.fround(value) : datatype === 'FP16' ? Math.f16round(value) : value;
}

function mismatch(input: string, datatype: Datatype, element: unknown, expected: string): GyreError {
  const shown = typeof element === 'bigint' || typeof element === 'number' ? String(element) : JSON.stringify(element);
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" is ${datatype} and holds ${shown}; expected ${expected}`,
  );
}

/** Elements that an answer writes out: more make a text longer than JavaScript's longest. */
const JSON_ELEMENTS_MAX = 4_194_304;

/** @throws GyreError RUN_TOO_LARGE */
function encodeData({ name, shape, values, datatype }: Tensor): unknown[] {
  if (values.length > JSON_ELEMENTS_MAX)
    throw new GyreError(
      'RUN_TOO_LARGE',
      `output "${name}" is [${shape.join(', ')}], which is ${values.length} elements; expected at most ${JSON_ELEMENTS_MAX} as JSON: ask for it with the parameter binary_data`,
    );
  if (datatype === 'BOOL') return Array.from(values as ArrayLike<number>, Boolean);
  if (datatype.startsWith('FP'))
    return Array.from(values as ArrayLike<number>, (value) => (Object.is(value, -0) ? MINUS_ZERO : value));
  if (datatype !== 'INT64' && datatype !== 'UINT64') return Array.from(values as ArrayLike<unknown>);
  return Array.from(values as ArrayLike<number | bigint>, (value) => {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : RawJson.rawJSON(String(value));
  });
}

/** Numbers longer than JavaScript's; TypeScript does not know it yet. */
const RawJson = JSON as unknown as { rawJSON(text: string): unknown };
const MINUS_ZERO = RawJson.rawJSON('-0.0');
