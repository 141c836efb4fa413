import { GyreError } from '@gyre/contracts';
import type { LoadedModel, TensorInfo, TensorValue } from './loaded-model.js';

/** What running a model on samples has shown. */
export interface MeasuredRun {
  /** Shortest time of a run of one row, microseconds: what else the machine did only adds to it. Null where the model took none of the samples. */
  readonly micros: number | null;
  /**
   * Whether the first dimension is a batch: rows that are run together answer as they do alone. Only then are requests of several callers
   * put together.
   */
  readonly rowsIndependent: boolean;
}

const RUNS = 50;
/** Runs go on for so long at most, ms. */
const PATIENCE_MS = 200;
/** Rows in a batch may be summed in another order: so much difference, absolute and relative, is none. */
const TOLERANCE = 1e-4;
const UNMEASURED: MeasuredRun = { micros: null, rowsIndependent: false };

/**
 * Runs a model on samples of its declared inputs: also warms it, so that memory is taken and kernels are ready.
 * @throws GyreError MODEL_INVALID if one row is more than can be sent, given or held in memory
 */
export function measureRun(model: Pick<LoadedModel, 'inputs'> & Callable): MeasuredRun {
  const one = sample(model.inputs, [1]);
  try {
    const times: number[] = [];
    let first = model.call(one);
    const begun = performance.now();
    while (times.length < RUNS && performance.now() - begun < PATIENCE_MS) {
      const at = performance.now();
      first = model.call(one);
      times.push((performance.now() - at) * 1_000);
    }
    return { micros: Math.min(...times), rowsIndependent: independent(model, first) };
  } catch (error) {
    const { message } = error as Error;
    if (isOfMemory(message) || (error instanceof GyreError && error.code === 'RUN_TOO_LARGE'))
      throw new GyreError('MODEL_INVALID', `a run of one row is too large to be served: ${message}`);
    return UNMEASURED;
  }
}

/** What onnxruntime says where the process is to blame, not what the model was given. */
export function isOfMemory(message: string): boolean {
  return /alloc|memory/i.test(message);
}

type Values = Record<string, TensorValue>;
interface Callable {
  call(inputs: Values): Values;
}

function independent(model: Pick<LoadedModel, 'inputs'> & Callable, first: Values): boolean {
  const varying = ({ shape }: TensorInfo): boolean => typeof shape[0] === 'string';
  if (!model.inputs.every(varying) || model.inputs.length === 0) return false;
  try {
    const second = model.call(sample(model.inputs, [2]));
    const both = model.call(sample(model.inputs, [1, 2]));
    return Object.keys(first).every((name) => follows(both[name], first[name], second[name]));
  } catch {
    return false;
  }
}

/** Whether the rows of an output are those of two others, one after the other. */
function follows(both?: TensorValue, first?: TensorValue, second?: TensorValue): boolean {
  if (both === undefined || first === undefined || second === undefined) return false;
  if (both.dims[0] !== 2 || first.dims[0] !== 1 || second.dims[0] !== 1) return false;
  const expected = [...Array.from(first.data as ArrayLike<unknown>), ...Array.from(second.data as ArrayLike<unknown>)];
  if (expected.length !== both.data.length) return false;
  return expected.every((value, i) => {
    const got = (both.data as ArrayLike<unknown>)[i];
    if (typeof value !== 'number' || typeof got !== 'number') return value === got;
    return Object.is(value, got) || Math.abs(value - got) <= TOLERANCE * (1 + Math.abs(value));
  });
}

/** More elements are no row that anybody could send. */
const SAMPLE_ELEMENTS_MAX = 2 ** 24;
/** How large a dimension without a size is taken, other than the first. */
const VARYING = 3;

/**
 * Inputs of as many rows as there are seeds: a row is made from its seed, so that the same one can be had alone and among others. Whole
 * numbers are 0 and 1, which an index of anything mostly can be.
 * @throws GyreError MODEL_INVALID if they are larger than a request can be
 */
export function sample(inputs: readonly TensorInfo[], seeds: readonly number[]): Values {
  const values: Values = {};
  for (const { name, type, shape } of inputs) {
    const dims = shape.map((size, i) => (typeof size === 'number' ? size : i === 0 ? seeds.length : VARYING));
    const rows = typeof shape[0] === 'string' ? seeds.length : 1;
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (size > SAMPLE_ELEMENTS_MAX) {
      const declared = shape.map((one) => (one === '' ? '?' : one)).join(', ');
      throw new GyreError(
        'MODEL_INVALID',
        `its input "${name}" is [${declared}], which is ${size} elements for ${rows} rows; expected at most ${SAMPLE_ELEMENTS_MAX}, for more cannot be sent`,
      );
    }
    const width = size / rows;
    const list = Array.from({ length: size }, (_, i) => {
      const seed = seeds[Math.floor(i / width)] ?? 1;
      return fraction(seed * 1_000 + (i % width));
    });
    values[name] = { type, dims, data: arrayOf(type, list) };
  }
  return values;
}

/** In [0, 1), the same for the same number: the fractional parts of a multiple of the golden ratio. */
function fraction(number: number): number {
  return (number * 0.618_033_988_749_895) % 1;
}

function arrayOf(type: TensorValue['type'], list: readonly number[]): TensorValue['data'] {
  const whole = list.map((value) => (value < 0.5 ? 0 : 1));
  switch (type) {
    case 'string':
      return whole.map(String);
    case 'float32':
      return Float32Array.from(list);
    case 'float64':
      return Float64Array.from(list);
    case 'float16':
      return Float16Array.from(list);
    case 'int64':
      return BigInt64Array.from(whole, BigInt);
    case 'uint64':
      return BigUint64Array.from(whole, BigInt);
    case 'int8':
      return Int8Array.from(whole);
    case 'int16':
      return Int16Array.from(whole);
    case 'int32':
      return Int32Array.from(whole);
    case 'uint16':
      return Uint16Array.from(whole);
    case 'uint32':
      return Uint32Array.from(whole);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(whole);
  }
}
