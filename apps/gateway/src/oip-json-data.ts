import { GyreError } from '@gyre/contracts';
import { checkCount, numbersOf, type Datatype, type Tensor, type TensorValues } from './oip.js';
import { wholeText } from './oip-text.js';

/**
 * The values of a tensor's JSON data: one flat list, or lists in lists as the shape says.
 * @param count elements that the shape holds
 * @throws GyreError FEATURES_MISMATCHED naming the first element that is not of the datatype, or the place that is not of the shape
 */
export function readData(data: unknown, tensor: Omit<Tensor, 'values'>, count: number): TensorValues {
  const { name, datatype, shape } = tensor;
  const elements = elementsIn(data, shape, name);
  checkCount(name, shape, count, elements.length, 'data');
  if (datatype === 'BYTES') return elements.map((one, i) => text(one, name, i));
  return numbersOf(datatype, elements.map((one, i) => number(one, datatype, name, i)) as number[]);
}

function elementsIn(data: unknown, shape: readonly number[], input: string): readonly unknown[] {
  if (data === undefined) return [];
  if (!Array.isArray(data))
    throw new GyreError('BAD_REQUEST', `input "${input}" has data that is no list; expected a list of its elements`);
  if (!data.some(Array.isArray)) return data as unknown[];
  const elements: unknown[] = [];
  const problem = gather(data, shape, 0, 'data', elements);
  if (problem === null) return elements;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" has shape [${shape.join(', ')}], and its data is nested as [${nestedAs(data).join(', ')}]: ${problem}, or all elements in one list`,
  );
}

/** Lists in lists end somewhere: see refuseDeepJson. @returns what is not as the shape says; null where all is */
function gather(
  list: readonly unknown[],
  shape: readonly number[],
  depth: number,
  path: string,
  into: unknown[],
): string | null {
  const size = shape[depth];
  if (list.length !== size) return `${path} has ${list.length} elements; expected ${size ?? 'no list'}`;
  const isLast = depth === shape.length - 1;
  for (let i = 0; i < list.length; i++) {
    const one = list[i];
    if (Array.isArray(one) === isLast)
      return `${path}.${i} is ${isLast ? 'a list' : 'none'}; expected ${isLast ? 'an element' : `a list of ${shape[depth + 1]}`}`;
    if (isLast) into.push(one);
    else {
      const problem = gather(one as unknown[], shape, depth + 1, `${path}.${i}`, into);
      if (problem !== null) return problem;
    }
  }
  return null;
}

/** By the first element of each list. */
function nestedAs(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...nestedAs(data[0])] : [];
}

function text(element: unknown, input: string, index: number): string {
  if (typeof element === 'string') return wholeText(element, input, index);
  throw mismatch(input, 'BYTES', element, index, 'strings');
}

type Range = readonly [number | bigint, number | bigint];
const RANGES: Partial<Record<Datatype, Range>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, 2n ** 64n - 1n],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};
/** Of floating numbers the largest, and how they are rounded: what becomes infinite is beyond it. */
const FLOATS: Partial<Record<Datatype, readonly [max: number, rounded: (value: number) => number]>> = {
  FP16: [65_504, Math.f16round],
  FP32: [3.402_823_466_385_288_6e38, Math.fround],
  FP64: [Number.MAX_VALUE, Number],
};

function number(element: unknown, datatype: Datatype, input: string, index: number): number | bigint {
  const float = FLOATS[datatype];
  if (typeof element === 'number' || typeof element === 'bigint') {
    if (float !== undefined) {
      const [max, rounded] = float;
      const value = Number(element);
      if (Math.abs(rounded(value)) !== Infinity) return value;
      throw mismatch(input, datatype, element, index, `numbers from -${max} to ${max}`);
    }
    if (datatype === 'BOOL') return Number(element) === 0 ? 0 : 1;
    const [min, max] = RANGES[datatype] as Range;
    const isWhole = typeof element === 'bigint' || Number.isInteger(element);
    if (isWhole && element >= min && element <= max) return element;
    throw mismatch(input, datatype, element, index, `whole numbers from ${min} to ${max}`);
  }
  if (element === null && float !== undefined) return NaN;
  if (typeof element === 'boolean' && datatype === 'BOOL') return element ? 1 : 0;
  throw mismatch(input, datatype, element, index, datatype === 'BOOL' ? 'true or false' : 'numbers');
}

const SHOWN_MAX = 80;

function mismatch(input: string, datatype: Datatype, element: unknown, index: number, expected: string): GyreError {
  const isNumber = typeof element === 'number' || typeof element === 'bigint';
  const shown = isNumber ? String(element) : JSON.stringify(element).slice(0, SHOWN_MAX);
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" is ${datatype} and holds ${shown} in element ${index}; expected ${expected}`,
  );
}
