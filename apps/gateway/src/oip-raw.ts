import { GyreError } from '@gyre/contracts';
import type { Datatype, Tensor } from './oip.js';

/** Raw tensor contents: little-endian, row-major, without padding; BYTES elements each after their length as a uint32. */
interface Encoding {
  bytes: number;
  read: (view: DataView, at: number) => number;
  write: (view: DataView, at: number, value: number) => void;
}

const encodings: Record<Exclude<Datatype, 'BYTES'>, Encoding> = {
  BOOL: { bytes: 1, read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1), write: (v, at, x) => v.setUint8(at, x) },
  UINT8: { bytes: 1, read: (v, at) => v.getUint8(at), write: (v, at, x) => v.setUint8(at, x) },
  INT8: { bytes: 1, read: (v, at) => v.getInt8(at), write: (v, at, x) => v.setInt8(at, x) },
  UINT16: { bytes: 2, read: (v, at) => v.getUint16(at, true), write: (v, at, x) => v.setUint16(at, x, true) },
  INT16: { bytes: 2, read: (v, at) => v.getInt16(at, true), write: (v, at, x) => v.setInt16(at, x, true) },
  UINT32: { bytes: 4, read: (v, at) => v.getUint32(at, true), write: (v, at, x) => v.setUint32(at, x, true) },
  INT32: { bytes: 4, read: (v, at) => v.getInt32(at, true), write: (v, at, x) => v.setInt32(at, x, true) },
  UINT64: {
    bytes: 8,
    read: (v, at) => Number(v.getBigUint64(at, true)),
    write: (v, at, x) => v.setBigUint64(at, BigInt(x), true),
  },
  INT64: {
    bytes: 8,
    read: (v, at) => Number(v.getBigInt64(at, true)),
    write: (v, at, x) => v.setBigInt64(at, BigInt(x), true),
  },
  FP32: { bytes: 4, read: (v, at) => v.getFloat32(at, true), write: (v, at, x) => v.setFloat32(at, x, true) },
  FP64: { bytes: 8, read: (v, at) => v.getFloat64(at, true), write: (v, at, x) => v.setFloat64(at, x, true) },
};

/**
 * @param count elements that the shape holds
 * @throws GyreError FEATURES_MISMATCHED if the bytes do not hold exactly so many
 */
export function readRaw(
  raw: Uint8Array,
  datatype: Datatype,
  count: number,
  input: string,
): ArrayLike<number> | string[] {
  if (datatype === 'BYTES') return readStrings(raw, count, input);
  const { bytes, read } = encodings[datatype];
  if (raw.byteLength !== count * bytes) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `input "${input}" brought ${raw.byteLength} raw bytes; expected ${count * bytes}: ${count} elements of ${datatype}`,
    );
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const values = datatype === 'FP32' ? new Float32Array(count) : new Array<number>(count);
  for (let i = 0; i < count; i++) values[i] = read(view, i * bytes);
  return values;
}

export function writeRaw(tensor: Tensor): Uint8Array {
  if (tensor.datatype === 'BYTES') return writeStrings(tensor.values as readonly string[]);
  const { bytes, write } = encodings[tensor.datatype];
  const values = tensor.values as ArrayLike<number>;
  const raw = Buffer.alloc(values.length * bytes);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let i = 0; i < values.length; i++) write(view, i * bytes, values[i] as number);
  return raw;
}

function readStrings(raw: Uint8Array, count: number, input: string): string[] {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const values: string[] = [];
  let at = 0;
  while (at + 4 <= bytes.length && values.length < count) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    values.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  if (values.length === count && at === bytes.length) return values;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" brought ${raw.byteLength} raw bytes; expected ${count} BYTES elements, each after its length as a little-endian uint32`,
  );
}

function writeStrings(values: readonly string[]): Uint8Array {
  const parts: Buffer[] = [];
  for (const value of values) {
    const text = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    parts.push(length, text);
  }
  return Buffer.concat(parts);
}
