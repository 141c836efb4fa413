import { GyreError } from '@gyre/contracts';
import { arrays, numbersOf, type Datatype, type NumberArray, type Tensor } from './oip.js';
import { decodedText } from './oip-text.js';

/**
 * Reads raw tensor contents: little-endian, row-major, without padding; BYTES elements each after their length as a uint32.
 *
 * @param count elements that the shape holds
 * @throws GyreError FEATURES_MISMATCHED if the bytes from `from` to `to` do not hold exactly so many
 */
export function readRaw(
  bytes: Buffer,
  from: number,
  to: number,
  datatype: Datatype,
  count: number,
  input: string,
): NumberArray | string[] {
  if (datatype === 'BYTES') return readStrings(bytes, from, to, count, input);
  const array = arrays[datatype];
  const size = to - from;
  if (size !== count * array.BYTES_PER_ELEMENT) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `input "${input}" brought ${size} raw bytes; expected ${count * array.BYTES_PER_ELEMENT}: ${count} elements of ${datatype}`,
    );
  }
  const values = new array(count);
  if (size <= COPIED_BY_HAND_MAX) {
    const memory = new Uint8Array(values.buffer);
    for (let i = 0; i < size; i++) memory[i] = bytes[from + i] as number;
  } else new Uint8Array(values.buffer).set(bytes.subarray(from, to));
  if (datatype === 'BOOL') for (let i = 0; i < count; i++) if (values[i] !== 0) values[i] = 1;
  return values;
}

/** Up to so many bytes a loop is quicker than a call of the engine's copy. */
const COPIED_BY_HAND_MAX = 64;

/** The tensor's values as raw contents; numbers without a copy where they are of the datatype's own array. */
export function rawOf({ datatype, values }: Tensor): Uint8Array {
  if (datatype === 'BYTES') return writeStrings(values as readonly string[]);
  const { buffer, byteOffset, byteLength } = numbersOf(datatype, values);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function readStrings(bytes: Buffer, from: number, to: number, count: number, input: string): string[] {
  const values: string[] = [];
  let at = from;
  while (at + 4 <= to && values.length < count) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > to) break;
    values.push(decodedText(bytes, at + 4, end, input, values.length));
    at = end;
  }
  if (values.length === count && at === to) return values;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" brought ${to - from} raw bytes; expected ${count} BYTES elements, each after its length as a little-endian uint32`,
  );
}

function writeStrings(values: readonly string[]): Uint8Array {
  let size = 0;
  for (const value of values) size += 4 + Buffer.byteLength(value);
  const raw = Buffer.allocUnsafe(size);
  let at = 0;
  for (const value of values) {
    const length = raw.write(value, at + 4);
    at = raw.writeUInt32LE(length, at) + length;
  }
  return raw;
}
