import { GyreError } from '@gyre/contracts';
import { PARAMETERS_MAX, TENSORS_MAX, type Parameters } from './oip.js';

/** A tensor of a request's JSON, its data unread. */
export interface JsonTensor {
  name: string;
  shape: readonly number[];
  datatype: string;
  data: unknown;
  parameters: JsonParameters;
}
export type JsonParameters = Readonly<Parameters>;

/** The JSON of POST /v2/models/:model/infer. */
export interface JsonRequestBody {
  id: string;
  parameters: JsonParameters;
  inputs: readonly JsonTensor[];
  outputs: readonly { name: string; parameters: JsonParameters }[];
}

/**
 * Checks that parsed JSON is an inference request. It ends at the first problem: what is told of a request with a million of them must not fill the
 * memory. Fields that are not known are left alone, as the protocol asks.
 *
 * @throws GyreError BAD_REQUEST naming the place and what was expected there
 */
export function requestOf(json: unknown): JsonRequestBody {
  const body = object(json, 'body');
  return {
    id: body['id'] === undefined ? '' : text(body['id'], 'id'),
    parameters: parameters(body['parameters'], 'parameters'),
    inputs: list(body['inputs'], 'inputs').map((input, i) => tensor(input, `inputs.${i}`)),
    outputs: list(body['outputs'], 'outputs').map((output, i) => {
      const fields = object(output, `outputs.${i}`);
      return {
        name: text(fields['name'], `outputs.${i}.name`),
        parameters: parameters(fields['parameters'], `outputs.${i}.parameters`),
      };
    }),
  };
}

function tensor(input: unknown, path: string): JsonTensor {
  const fields = object(input, path);
  const { shape, data } = fields;
  if (!Array.isArray(shape)) throw expected(`${path}.shape`, 'a list of numbers', shape);
  const odd = shape.findIndex((size) => typeof size !== 'number' && typeof size !== 'bigint');
  if (odd >= 0) throw expected(`${path}.shape.${odd}`, 'a number', shape[odd]);
  return {
    name: text(fields['name'], `${path}.name`),
    shape: shape.map(Number),
    datatype: text(fields['datatype'], `${path}.datatype`),
    data,
    parameters: parameters(fields['parameters'], `${path}.parameters`),
  };
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw expected(path, 'an object', value);
}

function text(value: unknown, path: string): string {
  if (typeof value === 'string') return whole(value, path);
  throw expected(path, 'a text', value);
}

/** Half a character of UTF-16, as JSON can write it, would be replaced on its way: two texts would become the same. */
function whole(value: string, path: string): string {
  if (value.isWellFormed()) return value;
  throw new GyreError('BAD_REQUEST', `${path}: holds half a character; expected text that is UTF-8`);
}

function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw expected(path, 'a list', value);
  if (value.length <= TENSORS_MAX) return value as unknown[];
  throw new GyreError('BAD_REQUEST', `${path}: ${value.length} tensors; expected at most ${TENSORS_MAX}`);
}

function parameters(value: unknown, path: string): JsonParameters {
  if (value === undefined) return NONE;
  const fields = object(value, path);
  const read: Parameters = {};
  let count = 0;
  for (const name in fields) {
    if ((count += 1) > PARAMETERS_MAX)
      throw new GyreError('BAD_REQUEST', `${path}: more than ${PARAMETERS_MAX} parameters`);
    read[name] = parameter(fields[name], `${path}.${name}`);
  }
  return read;
}

function parameter(value: unknown, path: string): Parameters[string] {
  if (typeof value === 'string') return whole(value, path);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  // Longer than a number can be, such as an entity's key: its digits count.
  if (typeof value === 'bigint') return String(value);
  throw expected(path, 'a text, a number or a truth', value);
}

const NONE: JsonParameters = Object.freeze({});

function expected(path: string, what: string, got: unknown): GyreError {
  const kind =
    got === undefined
      ? 'nothing'
      : got === null
        ? 'null'
        : Array.isArray(got)
          ? 'a list'
          : typeof got === 'object'
            ? 'an object'
            : `a ${typeof got}`;
  return new GyreError('BAD_REQUEST', `${path}: expected ${what}, got ${kind}`);
}
