import { GyreError } from '@gyre/contracts';
import { datatypes, signatureOf, type TensorInfo, type TensorType, type TensorValue } from '@gyre/model-runtime';
import type { Datatype, NumberArray, Tensor } from './oip.js';

/** What a model that is asked by its own tensors takes and gives. */
export interface TensorModel {
  readonly inputs: readonly TensorInfo[];
  /** What may be brought besides; where it is not, the file's own value stands in. */
  readonly optionalInputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** Whether the first dimension is a batch, so that requests may be put together. */
  readonly rowsIndependent: boolean;
}

/** The inputs of one request, or of several put together. */
export interface TensorInputs {
  /** Rows of the batch; 1 where the model has none. */
  rows: number;
  /** In the order of the model's inputs. */
  values: readonly TensorValue[];
  /** The optional inputs that were brought, by name: these are the request's, not a row's. Null where there are none. */
  options: TensorOptions | null;
}
export type TensorOptions = Readonly<Record<string, TensorValue>>;

/**
 * The tensors of a request as the model takes them: each of its inputs once, of its datatype and shape, and of the optional ones any.
 * @throws GyreError FEATURES_MISMATCHED saying what was expected
 */
export function tensorInputs(tensors: readonly Tensor[], model: TensorModel): TensorInputs {
  const { inputs, optionalInputs, rowsIndependent } = model;
  for (const [i, { name }] of tensors.entries()) {
    const isNamed = (input: TensorInfo): boolean => input.name === name;
    if (!inputs.some(isNamed) && !optionalInputs.some(isNamed)) throw mismatch(`there is no input "${name}"`, model);
    if (tensors.findIndex((other) => other.name === name) !== i)
      throw mismatch(`input "${name}" is brought twice`, model);
  }
  let rows = 1;
  const values = inputs.map((input, i): TensorValue => {
    const tensor = tensors.length === 1 ? tensors[0] : tensors.find(({ name }) => name === input.name);
    if (tensor === undefined || tensor.name !== input.name) throw mismatch(`input "${input.name}" is missing`, model);
    const value = valueOf(tensor, input, model);
    if (rowsIndependent) {
      const first = tensor.shape[0] as number;
      if (first === 0) throw mismatch(`input "${input.name}" has no rows`, model);
      if (i > 0 && first !== rows)
        throw mismatch(`input "${input.name}" has ${first} rows, and the input before it ${rows}`, model);
      rows = first;
    }
    return value;
  });
  return { rows, values, options: optionalInputs.length === 0 ? null : optionsIn(tensors, model) };
}

function optionsIn(tensors: readonly Tensor[], model: TensorModel): TensorOptions | null {
  const brought = model.optionalInputs.flatMap((input) => {
    const tensor = tensors.find(({ name }) => name === input.name);
    return tensor === undefined ? [] : [[input.name, valueOf(tensor, input, model)] as const];
  });
  return brought.length === 0 ? null : Object.fromEntries(brought);
}

function valueOf({ datatype, shape, values }: Tensor, input: TensorInfo, model: TensorModel): TensorValue {
  if (datatype !== datatypes[input.type] || !fits(shape, input))
    throw mismatch(`input "${input.name}" is ${datatype} [${shape.join(', ')}]`, model);
  return { type: input.type, dims: shape, data: values as TensorValue['data'] };
}

function fits(shape: readonly number[], { shape: expected, anyRank }: TensorInfo): boolean {
  if (shape.length !== expected.length && anyRank !== true) return false;
  for (let i = 0; i < shape.length; i++) {
    const wanted = expected[i];
    if (typeof wanted === 'number' && wanted !== shape[i]) return false;
  }
  return true;
}

function mismatch(problem: string, { inputs, optionalInputs }: TensorModel): GyreError {
  const own = optionalInputs.length === 0 ? '' : `, and if wanted ${described(optionalInputs)}`;
  return new GyreError('FEATURES_MISMATCHED', `${problem}; expected ${described(inputs)}${own}`);
}

function described(inputs: readonly TensorInfo[]): string {
  const words = inputs.map((input) => {
    const { name, datatype, shape } = signatureOf(input);
    return `"${name}" of ${datatype} [${shape.map((size) => (size === -1 ? 'N' : size)).join(', ')}]`;
  });
  return words.join(' and ');
}

/** Whether two requests' inputs are alike but for their rows. */
export function sameColumns(a: readonly TensorValue[], b: readonly TensorValue[]): boolean {
  return a.every(({ dims }, i) => {
    const others = b[i]?.dims ?? [];
    for (let d = 1; d < dims.length; d++) if (dims[d] !== others[d]) return false;
    return true;
  });
}

/** The rows of several requests one after the other, for each input. */
export function joinedRows(parts: readonly (readonly TensorValue[])[]): readonly TensorValue[] {
  const [first] = parts as [readonly TensorValue[]];
  if (parts.length === 1) return first;
  return first.map(({ type, dims }, i) => {
    const own = parts.map((part) => part[i] as TensorValue);
    const rows = own.reduce((sum, value) => sum + (value.dims[0] as number), 0);
    return { type, dims: [rows, ...dims.slice(1)], data: joinedData(own.map(({ data }) => data)) };
  });
}

function joinedData(parts: readonly TensorValue['data'][]): TensorValue['data'] {
  const [first] = parts as [TensorValue['data']];
  if (Array.isArray(first)) return (parts as string[][]).flat();
  const typed = parts as readonly NumberArray[];
  const length = typed.reduce((sum, part) => sum + part.length, 0);
  const all = new (first.constructor as Float32ArrayConstructor)(length);
  let at = 0;
  for (const part of typed) {
    all.set(part as Float32Array, at);
    at += part.length;
  }
  return all;
}

/** Some rows of a batch. */
export function rowsOf(
  values: readonly TensorValue[],
  rows: number,
  from: number,
  count: number,
): readonly TensorValue[] {
  return values.map(({ type, dims, data }) => {
    const width = data.length / rows;
    const part = (data as Float32Array).slice(from * width, (from + count) * width);
    return { type, dims: [count, ...dims.slice(1)], data: part };
  });
}

/**
 * The outputs of a request's rows in a batch, as a client is answered; all of them where it was alone.
 * @param outputs with a row for each of the batch where there were several requests
 */
export function outputTensors(
  outputs: Readonly<Record<string, TensorValue>>,
  { outputs: infos }: TensorModel,
  { from, rows, isAlone }: { from: number; rows: number; isAlone: boolean },
): Tensor[] {
  return infos.map(({ name, type }) => {
    const { dims, data } = outputs[name] as TensorValue;
    const datatype = datatypeOf(type);
    if (isAlone) return { name, datatype, shape: dims, values: data as Tensor['values'] };
    const width = data.length / (dims[0] as number);
    const [begin, end] = [from * width, (from + rows) * width];
    const values = Array.isArray(data) ? data.slice(begin, end) : (data as Float32Array).subarray(begin, end);
    return { name, datatype, shape: [rows, ...dims.slice(1)], values };
  });
}

function datatypeOf(type: TensorType): Datatype {
  return datatypes[type];
}

/** Numbers that a row of inputs may have in a record; of wider rows nothing is recorded. */
const RECORDED_MAX = 1_024;

/** The numbers of one row of a request's inputs, for its record: null where a value is text or not finite. */
export function recordedRow(values: readonly TensorValue[], rows: number, row: number): (number | null)[] {
  const list: (number | null)[] = [];
  for (const { data } of values) {
    const width = data.length / rows;
    if (list.length + width > RECORDED_MAX) return [];
    for (let i = row * width; i < (row + 1) * width; i++) {
      const value = data[i];
      const number = typeof value === 'string' ? NaN : Number(value);
      list.push(Number.isFinite(number) ? number : null);
    }
  }
  return list;
}
