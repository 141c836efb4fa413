import { isUtf8 } from 'node:buffer';
import { GyreError } from '@gyre/contracts';

/** How a field's value lies in a protobuf message. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const GROUP = 3;
const GROUP_END = 4;
export const FIXED32 = 5;

/** Groups within groups are skipped so deep; no message of ours has any. */
const NESTING_MAX = 32;

/**
 * Reads the fields of a protobuf message one after the other, in place: nothing is copied until it is asked for.
 * What is no protobuf message throws GyreError BAD_REQUEST, whatever the bytes are.
 */
export class WireReader {
  constructor(
    readonly bytes: Buffer,
    /** Where the next byte is read. */
    public at = 0,
    /** Where the message ends. */
    public end = bytes.length,
  ) {}

  /** The next field's number and wire type: `number << 3 | type`. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw this.broken('a field has the number 0');
    return tag;
  }

  /** Beyond 32 bits the rest is dropped, as protobuf says. */
  uint32(): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw this.broken('it ends within a number');
      const byte = bytes[this.at++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw this.broken('a number is longer than ten bytes');
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    this.int64Into(HALVES, 0);
    return HALVES[0] !== 0 || HALVES[1] !== 0;
  }

  /** The nearest number; exact up to 2^53. */
  int64(): number {
    this.int64Into(HALVES, 0);
    return (HALVES[1] as number) * 2 ** 32 + ((HALVES[0] as number) >>> 0);
  }

  /** A whole number of 64 bits, or the digits of one that a number cannot hold. */
  exactInt64(isSigned: boolean): number | string {
    this.int64Into(HALVES, 0);
    const [low, high] = [(HALVES[0] as number) >>> 0, isSigned ? (HALVES[1] as number) : (HALVES[1] as number) >>> 0];
    const value = high * 2 ** 32 + low;
    return Number.isSafeInteger(value) ? value : String(BigInt(high) * 2n ** 32n + BigInt(low));
  }

  /** Puts the lower half of a 64-bit number at `index` and the upper one after it. */
  int64Into(halves: Int32Array, index: number): void {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw this.broken('it ends within a number');
      const byte = bytes[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        halves[index] = low;
        halves[index + 1] = high;
        return;
      }
    }
    throw this.broken('a number is longer than ten bytes');
  }

  float(): number {
    const from = this.skip(4);
    return this.bytes.readFloatLE(from);
  }

  double(): number {
    const from = this.skip(8);
    return this.bytes.readDoubleLE(from);
  }

  /** Reads a length and passes over so many bytes. @returns where they began */
  delimited(): number {
    return this.skip(this.uint32());
  }

  /** Reads a length and goes into the message within the message, which ends where `end` is then. @returns what `leave` takes */
  enter(): number {
    const outer = this.end;
    const from = this.delimited();
    this.end = this.at;
    this.at = from;
    return outer;
  }
  leave(outer: number): void {
    this.end = outer;
  }

  /** A short text that comes again and again, such as a name. */
  name(): string {
    const from = this.delimited();
    return this.whole(interned(this.bytes, from, this.at), from);
  }

  text(): string {
    const from = this.delimited();
    return this.whole(this.bytes.toString('utf8', from, this.at), from);
  }

  /** @throws GyreError where the text was no UTF-8: with what a decoder puts for that, two would become the same */
  private whole(text: string, from: number): string {
    if (text.includes('\ufffd') && !isUtf8(this.bytes.subarray(from, this.at))) throw this.broken('a text is no UTF-8');
    return text;
  }

  /** Passes over the value of a field that is not known here. */
  skipField(tag: number, depth = 0): void {
    switch (tag & 7) {
      case VARINT:
        this.int64Into(HALVES, 0);
        return;
      case FIXED64:
        this.skip(8);
        return;
      case BYTES:
        this.delimited();
        return;
      case FIXED32:
        this.skip(4);
        return;
      case GROUP:
        if (depth >= NESTING_MAX) throw this.broken(`groups lie in one another more than ${NESTING_MAX} deep`);
        for (let inner = this.tag(); (inner & 7) !== GROUP_END; inner = this.tag()) this.skipField(inner, depth + 1);
        return;
      default:
        throw this.broken(`a field has the wire type ${tag & 7}`);
    }
  }

  broken(problem: string): GyreError {
    return new GyreError('BAD_REQUEST', `the message is no protobuf message as the proto file says: ${problem}`);
  }

  private skip(length: number): number {
    const from = this.at;
    if (length > this.end - from)
      throw this.broken(`it says that ${length} bytes follow, and ${this.end - from} are left`);
    this.at = from + length;
    return from;
  }
}

const HALVES = new Int32Array(2);

/** Names that came before, by a hash of their bytes: the same few come with every request, and making a string of bytes costs more. */
const known = new Array<string>(256).fill('');
const LENGTH_MAX = 64;

function interned(bytes: Buffer, from: number, to: number): string {
  const length = to - from;
  if (length === 0) return '';
  if (length > LENGTH_MAX) return bytes.toString('utf8', from, to);
  let hash = length;
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  const slot = (hash ^ (hash >>> 8)) & 0xff;
  const candidate = known[slot] as string;
  // Only names of plain ASCII are kept, for which a byte is a character.
  if (candidate.length === length) {
    let i = 0;
    while (i < length && candidate.charCodeAt(i) === bytes[from + i]) i++;
    if (i === length) return candidate;
  }
  const text = bytes.toString('utf8', from, to);
  if (text.length === length) known[slot] = text;
  return text;
}

/**
 * Writes a protobuf message into memory that is used again and again; `finish` copies it out. One message at a time: nothing may be awaited
 * between `begin` and `finish`.
 */
export class WireWriter {
  private bytes = Buffer.allocUnsafeSlow(16_384);
  private at = 0;

  begin(): void {
    this.at = 0;
  }

  /** The message, in memory of its own. */
  finish(): Buffer {
    const message = Buffer.allocUnsafe(this.at);
    this.bytes.copy(message, 0, 0, this.at);
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(16_384);
    return message;
  }

  /** @param value a whole number from 0 to 2^32 − 1 */
  varint(value: number): void {
    this.room(5);
    while (value > 0x7f) {
      this.bytes[this.at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[this.at++] = value;
  }

  /** @param value a whole number, exact up to 2^53 */
  int64(value: number): void {
    if (value >= 0 && value <= 0xffff_ffff) return this.varint(value);
    const high = Math.floor(value / 2 ** 32);
    this.halves((value - high * 2 ** 32) | 0, high | 0);
  }

  /** A 64-bit number in two halves of 32 bits. */
  halves(low: number, high: number): void {
    this.room(10);
    while (high !== 0 || low >>> 0 > 0x7f) {
      this.bytes[this.at++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
      high >>>= 7;
    }
    this.bytes[this.at++] = low;
  }

  tag(field: number, type: number): void {
    this.varint(((field << 3) | type) >>> 0);
  }

  /** A string or name; left out where it is empty, as proto3 says. */
  text(field: number, value: string): void {
    if (value !== '') this.textAlways(field, value);
  }

  /** A string that is there even where it is empty: an element, or the chosen one of several. */
  textAlways(field: number, value: string): void {
    this.tag(field, BYTES);
    const { length } = value;
    this.room(length * 3 + 5);
    if (length <= 0x7f && this.ascii(value)) return;
    const size = Buffer.byteLength(value);
    this.varint(size);
    this.at += this.bytes.write(value, this.at, size);
  }

  raw(field: number, value: Uint8Array): void {
    this.tag(field, BYTES);
    this.varint(value.length);
    this.append(value);
  }

  append(value: Uint8Array): void {
    this.room(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  double(value: number): void {
    this.room(8);
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  /** Begins a message within the message. @returns what `close` takes */
  open(field: number): number {
    this.tag(field, BYTES);
    this.room(1);
    this.at += 1;
    return this.at;
  }

  /** Ends what `open` began: puts its length before it, which mostly needs the one byte that was left free. */
  close(from: number): void {
    const size = this.at - from;
    if (size <= 0x7f) {
      this.bytes[from - 1] = size;
      return;
    }
    const extra = size <= 0x3fff ? 1 : size <= 0x1f_ffff ? 2 : size <= 0xfff_ffff ? 3 : 4;
    this.room(extra);
    this.bytes.copyWithin(from + extra, from, this.at);
    const end = this.at + extra;
    this.at = from - 1;
    this.varint(size);
    this.at = end;
  }

  /** Length and characters, where all are ASCII. @returns whether they were written */
  private ascii(value: string): boolean {
    const { bytes } = this;
    const from = this.at + 1;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[from + i] = code;
    }
    bytes[this.at] = value.length;
    this.at = from + value.length;
    return true;
  }

  private room(size: number): void {
    if (this.at + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + size));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}

/** A larger message's memory is given back after it. */
const KEPT_BYTES_MAX = 4_194_304;
