import { GyreError } from '@gyre/contracts';
import {
  arrays,
  checkCount,
  datatypeOf,
  DIMENSIONS_MAX,
  elementsOf,
  numbersOf,
  PARAMETERS_MAX,
  tooManyDimensions,
  type Datatype,
  type NumberArray,
  type Tensor,
} from './oip.js';
import { NONE, readParameter, refuseExtensions, tooManyParameters } from './oip-parameters.js';
import { decodedText } from './oip-text.js';
import { BYTES, FIXED32, FIXED64, VARINT, WireReader, type WireWriter } from './oip-wire.js';

/** A tensor whose values still lie in the message: in its contents, or in raw bytes that come after all tensors. */
export interface UnreadTensor {
  name: string;
  datatype: string;
  shape: number[];
  /** Null where the tensor has no contents. */
  contents: WireReader | null;
}

/** Of InferInputTensor and InferOutputTensor, which are alike. */
const NAME = 1;
const DATATYPE = 2;
const SHAPE = 3;
const PARAMETERS = 4;
const CONTENTS = 5;

/** The fields of InferTensorContents, by number. FP16 has none: it travels raw only. */
const fields = [
  { name: '', wire: -1 },
  { name: 'bool_contents', wire: VARINT },
  { name: 'int_contents', wire: VARINT },
  { name: 'int64_contents', wire: VARINT },
  { name: 'uint_contents', wire: VARINT },
  { name: 'uint64_contents', wire: VARINT },
  { name: 'fp32_contents', wire: FIXED32 },
  { name: 'fp64_contents', wire: FIXED64 },
  { name: 'bytes_contents', wire: BYTES },
] as const;
const fieldOf: Record<Datatype, number> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP16: 0,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

/** Reads the tensor that lies where the reader is, up to its end. */
export function readTensor(reader: WireReader): UnreadTensor {
  const tensor: UnreadTensor = { name: '', datatype: '', shape: [], contents: null };
  let parameters = NONE;
  let parameterCount = 0;
  const outer = reader.enter();
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === ((NAME << 3) | BYTES)) tensor.name = reader.name();
    else if (tag === ((DATATYPE << 3) | BYTES)) tensor.datatype = reader.name();
    else if (tag === ((SHAPE << 3) | BYTES)) {
      const message = reader.enter();
      while (reader.at < reader.end) pushDimension(tensor, reader.int64());
      reader.leave(message);
    } else if (tag === ((SHAPE << 3) | VARINT)) pushDimension(tensor, reader.int64());
    else if (tag === ((CONTENTS << 3) | BYTES)) {
      const from = reader.delimited();
      tensor.contents = joined(tensor.contents, new WireReader(reader.bytes, from, reader.at));
    } else if (tag === ((PARAMETERS << 3) | BYTES)) {
      if (++parameterCount > PARAMETERS_MAX) throw tooManyParameters();
      parameters = readParameter(reader, parameters);
    } else reader.skipField(tag);
  }
  reader.leave(outer);
  if (parameters !== NONE) refuseExtensions(parameters, tensor.name);
  return tensor;
}

function pushDimension({ shape, name }: UnreadTensor, size: number): void {
  if (shape.length >= DIMENSIONS_MAX) throw tooManyDimensions(name);
  shape.push(size);
}

/** A message that comes twice is, by protobuf, the two one after the other. */
function joined(first: WireReader | null, second: WireReader): WireReader {
  if (first === null) return second;
  const parts = [first, second].map(({ bytes, at, end }) => bytes.subarray(at, end));
  return new WireReader(Buffer.concat(parts));
}

/**
 * The tensor with the values that its contents hold.
 * @throws GyreError FEATURES_MISMATCHED if datatype, shape and contents do not fit each other; BAD_REQUEST for what is no protobuf
 */
export function readContents(tensor: UnreadTensor): Tensor {
  const { name, datatype: text, shape, contents } = tensor;
  const datatype = datatypeOf(text, name);
  const count = elementsOf(shape, name);
  const field = fieldOf[datatype];
  if (datatype === 'FP16' && count > 0) throw untyped(name);
  const brought = contents === null ? 0 : countElements(contents, field);
  checkCount(name, shape, count, brought, fields[field]?.name ?? '');
  if (datatype === 'BYTES') return { name, datatype, shape, values: contents === null ? [] : texts(contents, name) };
  const values = new arrays[datatype](count);
  if (contents !== null) fill(values, contents, field, tensor);
  return { name, datatype, shape, values };
}

function untyped(input: string): GyreError {
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" is FP16, for which the protocol has no field of contents; expected it in raw_input_contents`,
  );
}

/** Counts before memory is taken for them. Values in the field of another datatype are not seen. */
function countElements(contents: WireReader, field: number): number {
  const from = contents.at;
  const wire = fields[field]?.wire;
  let count = 0;
  while (contents.at < contents.end) {
    const tag = contents.tag();
    if (tag >>> 3 !== field) contents.skipField(tag);
    else if ((tag & 7) === wire) {
      contents.skipField(tag);
      count += 1;
    } else if ((tag & 7) === BYTES) {
      const start = contents.delimited();
      const size = contents.at - start;
      if (wire === FIXED32 || wire === FIXED64) {
        const width = wire === FIXED32 ? 4 : 8;
        if (size % width !== 0) throw contents.broken(`${fields[field]?.name} holds ${size} bytes`);
        count += size / width;
      } else for (let i = start; i < contents.at; i++) if ((contents.bytes[i] as number) < 0x80) count += 1;
    } else contents.skipField(tag);
  }
  contents.at = from;
  return count;
}

/** Reads so many numbers as `values` has room for. */
function fill(values: NumberArray, contents: WireReader, field: number, tensor: UnreadTensor): void {
  const put = putters[field] as Putter;
  const wire = fields[field]?.wire;
  const fixed = wire === FIXED32 || wire === FIXED64;
  const from = contents.at;
  // 64-bit numbers are put in two halves, so that none becomes a BigInt on its way.
  const target = wire === VARINT && values.BYTES_PER_ELEMENT === 8 ? new Int32Array(values.buffer) : values;
  let index = 0;
  while (contents.at < contents.end) {
    const tag = contents.tag();
    if (tag >>> 3 !== field) contents.skipField(tag);
    else if ((tag & 7) === wire) put(contents, target, index++, tensor);
    else if ((tag & 7) === BYTES) {
      const message = contents.enter();
      if (fixed) {
        const size = contents.end - contents.at;
        bytesOf(values).set(contents.bytes.subarray(contents.at, contents.end), index * values.BYTES_PER_ELEMENT);
        index += size / values.BYTES_PER_ELEMENT;
        contents.at = contents.end;
      } else while (contents.at < contents.end) put(contents, target, index++, tensor);
      contents.leave(message);
    } else contents.skipField(tag);
  }
  contents.at = from;
}

type Putter = (reader: WireReader, values: NumberArray, index: number, tensor: UnreadTensor) => void;
/** By field of InferTensorContents. */
const putters: readonly Putter[] = [
  () => undefined,
  (reader, values, index) => (values[index] = reader.bool() ? 1 : 0),
  (reader, values, index, tensor) => putNarrow(reader.int32(), values, index, tensor),
  (reader, values, index) => reader.int64Into(values as Int32Array, index * 2),
  (reader, values, index, tensor) => putNarrow(reader.uint32(), values, index, tensor),
  (reader, values, index) => reader.int64Into(values as Int32Array, index * 2),
  (reader, values, index) => (values[index] = reader.float()),
  (reader, values, index) => (values[index] = reader.double()),
];

/** Numbers of 8 and 16 bits travel in 32, and must fit all the same. */
function putNarrow(value: number, values: NumberArray, index: number, { name, datatype }: UnreadTensor): void {
  values[index] = value;
  if (values[index] === value) return;
  const bits = values.BYTES_PER_ELEMENT * 8;
  const [min, max] = datatype.startsWith('U') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${name}" is ${datatype} and holds ${value} in element ${index}; expected ${min} to ${max}`,
  );
}

function texts(contents: WireReader, input: string): string[] {
  const values: string[] = [];
  while (contents.at < contents.end) {
    const tag = contents.tag();
    if (tag === ((fieldOf.BYTES << 3) | BYTES)) {
      const from = contents.delimited();
      values.push(decodedText(contents.bytes, from, contents.at, input, values.length));
    } else contents.skipField(tag);
  }
  return values;
}

/** Writes a tensor as field `field` of the message; without its values where they go raw. */
export function writeTensor(writer: WireWriter, field: number, tensor: Tensor, raw: boolean): void {
  const { name, datatype, shape } = tensor;
  const start = writer.open(field);
  writer.text(NAME, name);
  writer.text(DATATYPE, datatype);
  if (shape.length > 0) {
    const dimensions = writer.open(SHAPE);
    for (const size of shape) writer.int64(size);
    writer.close(dimensions);
  }
  if (!raw) {
    const contents = writer.open(CONTENTS);
    writeContents(writer, tensor);
    writer.close(contents);
  }
  writer.close(start);
}

function writeContents(writer: WireWriter, { name, datatype, values }: Tensor): void {
  const field = fieldOf[datatype];
  if (datatype === 'FP16') throw new RangeError(`"${name}" is FP16, which has no field of typed contents`);
  if (datatype === 'BYTES') {
    for (const text of values as readonly string[]) writer.textAlways(field, text);
    return;
  }
  if (values.length === 0) return;
  const numbers = numbersOf(datatype, values);
  const packed = writer.open(field);
  if (fields[field]?.wire !== VARINT) writer.append(bytesOf(numbers));
  else if (numbers.BYTES_PER_ELEMENT === 8) {
    const halves = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
    for (let i = 0; i < halves.length; i += 2) writer.halves(halves[i] as number, halves[i + 1] as number);
  } else for (let i = 0; i < numbers.length; i++) writer.int64(numbers[i] as number);
  writer.close(packed);
}

/** The memory of an array. */
export function bytesOf({ buffer, byteOffset, byteLength }: NumberArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
