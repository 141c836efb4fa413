import { GyreError } from '@gyre/contracts';

/**
 * Requests and answers of the Open Inference Protocol, version 2, as the handlers see them: no transport, no encoding. Codecs make them of
 * protobuf messages (oip-request.ts, oip-answer.ts) and of JSON (oip-json.ts).
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
  /** Whether a gRPC request brought its tensors raw; then so does the answer, and where it brought none. */
  raw: boolean;
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

/**
 * Row-major. Decoded values are of the datatype's own array, see `arrays`; booleans are 0 and 1, BYTES are strings. Whoever makes a tensor may
 * bring other lists of the same numbers.
 */
export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  values: TensorValues;
}
export type TensorValues = ArrayLike<number> | ArrayLike<bigint> | readonly string[];

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
  /** What else is to be known: see model-metadata.ts. */
  parameters: Parameters;
}

/** The array that holds values of each datatype as they lie in memory, and in raw contents: little-endian. */
export const arrays = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Float16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;
export type NumberDatatype = keyof typeof arrays;
export type NumberArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float16Array
  | Float32Array
  | Float64Array;
export type Datatype = NumberDatatype | 'BYTES';

const DATATYPES: readonly Datatype[] = [...(Object.keys(arrays) as NumberDatatype[]), 'BYTES'];
const KNOWN: ReadonlySet<string> = new Set(DATATYPES);

/** What no real request has more of. A message of some megabytes could hold millions of empty ones, which take a hundred times that in memory. */
export const TENSORS_MAX = 16_384;
export const DIMENSIONS_MAX = 64;
/** No dimension of a real tensor is larger; one that is has a dimension of 0 beside it, and is made to confuse. */
const DIMENSION_MAX = 2 ** 31 - 1;
export const PARAMETERS_MAX = 1_024;

/** @throws GyreError FEATURES_MISMATCHED if it is none that is taken here */
export function datatypeOf(text: string | undefined, input: string): Datatype {
  if (text !== undefined && KNOWN.has(text)) return text as Datatype;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has datatype "${text ?? ''}"; expected one of ${DATATYPES.join(', ')}`,
  );
}

/** The values as the datatype's own array; a copy only where they are something else. */
export function numbersOf(datatype: NumberDatatype, values: TensorValues): NumberArray {
  const array = arrays[datatype];
  if (values instanceof array) return values;
  if (datatype === 'INT64' || datatype === 'UINT64') {
    const wide = array as typeof BigInt64Array;
    return wide.from(values as ArrayLike<bigint>, (value: bigint | number) => BigInt(value));
  }
  return (array as typeof Float64Array).from(values as ArrayLike<number>);
}

/**
 * The elements that a shape holds.
 * @throws GyreError FEATURES_MISMATCHED if a dimension is no whole number from 0 to 2147483647, or they are too many
 */
export function elementsOf(shape: readonly number[], input: string): number {
  if (shape.length > DIMENSIONS_MAX) throw tooManyDimensions(input);
  let count = 1;
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0 || size > DIMENSION_MAX) throw shapeless(input, shape);
    count *= size;
  }
  if (!Number.isSafeInteger(count)) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `input "${input}" has shape [${shape.join(', ')}], which is more elements than can be counted; expected as many as its data holds`,
    );
  }
  return count;
}

export function tooManyDimensions(input: string): GyreError {
  return new GyreError('FEATURES_MISMATCHED', `input "${input}" has more than ${DIMENSIONS_MAX} dimensions`);
}

function shapeless(input: string, shape: readonly number[]): GyreError {
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has shape [${shape.map(asWritten).join(', ')}]; dimensions are whole numbers from 0 to ${DIMENSION_MAX}`,
  );
}

/** With all its digits: beyond 2^53 a number's own text ends in zeros. */
function asWritten(size: number): string {
  return String(Number.isInteger(size) && Math.abs(size) <= 2 ** 64 ? BigInt(size) : size);
}

/**
 * @param where what was expected to hold the elements, such as `fp32_contents`
 * @throws GyreError FEATURES_MISMATCHED if a tensor brought more or fewer elements than its shape says
 */
export function checkCount(
  input: string,
  shape: readonly number[],
  expected: number,
  got: number,
  where: string,
): void {
  if (got === expected) return;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has shape [${shape.join(', ')}], which is ${expected} elements, but brought ${got} in ${where}`,
  );
}
