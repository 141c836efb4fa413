import { GyreError } from '@gyre/contracts';

/**
 * Requests and answers of the Open Inference Protocol, version 2, as the handlers see them: no transport, no encoding. Codecs make them of
 * gRPC messages (oip-grpc.ts) and of JSON (oip-json.ts).
 */
export interface InferRequest {
  model: string;
  /** Empty: the version that serves. */
  version: string;
  /** The client's own; empty if it gave none. */
  id: string;
  parameters: Parameters;
  inputs: readonly Tensor[];
  /** Names of the outputs wanted; empty: all. */
  outputs: readonly string[];
}

export interface InferAnswer {
  model: string;
  /** The version that answered; empty under the fallback. */
  version: string;
  id: string;
  parameters: Parameters;
  outputs: Tensor[];
}

export type Parameters = Record<string, string | number | boolean>;

/** Row-major. Numbers of all widths are numbers here (int64 beyond 2^53 loses digits), booleans 0 and 1, BYTES are strings. */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  values: ArrayLike<number> | readonly string[];
}

export interface TensorMetadata {
  name: string;
  datatype: Datatype;
  /** -1 is a dimension of any size. */
  shape: number[];
}

export interface ModelMetadata {
  name: string;
  versions: string[];
  platform: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}

export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP32',
  'FP64',
  'BYTES',
] as const;
export type Datatype = (typeof DATATYPES)[number];

const KNOWN: ReadonlySet<string> = new Set(DATATYPES);

/** @throws GyreError FEATURES_MISMATCHED if it is none that is taken here */
export function datatypeOf(text: string | undefined, input: string): Datatype {
  if (text !== undefined && KNOWN.has(text)) return text as Datatype;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has datatype "${text ?? ''}"; expected one of ${DATATYPES.join(', ')}`,
  );
}

/**
 * The elements that a shape holds.
 * @throws GyreError FEATURES_MISMATCHED if a dimension is no whole number from 0 on
 */
export function elementsOf(shape: readonly number[], input: string): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) throw shapeless(input, shape);
    count *= size;
  }
  if (!Number.isSafeInteger(count)) throw shapeless(input, shape);
  return count;
}

function shapeless(input: string, shape: readonly number[]): GyreError {
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has shape [${shape.join(', ')}]; dimensions are whole numbers from 0 on`,
  );
}

/** @throws GyreError FEATURES_MISMATCHED if a tensor brought more or fewer elements than its shape says */
export function checkCount(input: string, shape: readonly number[], expected: number, got: number): void {
  if (got === expected) return;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has shape [${shape.join(', ')}], which is ${expected} elements, but brought ${got}`,
  );
}
