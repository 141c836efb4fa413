import protobuf from 'protobufjs/minimal.js';

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** One field of a protobuf message, as it lies in the bytes: what we do not understand can be written back as it was. */
export interface Field {
  readonly number: number;
  /** How the value is written: a list of numbers has each by itself, or all of them packed in one field of bytes, which may be empty. */
  readonly wireType: number;
  /** Tag and value. */
  readonly raw: Uint8Array;
  /** The content of a string, bytes or message field; empty for a number. */
  readonly content: Uint8Array;
  /** The value of an integer field; 0 for others. */
  readonly integer: number;
}

/** A message of more fields is no part of a model that we read as a whole; in memory each takes a hundred times its bytes. */
const FIELDS_MAX = 1_000_000;
const GROUP = 3;

/**
 * The fields of a message in their order.
 *
 * @throws RangeError if the bytes are no protobuf message, or one of more than a million fields
 */
export function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (const field of scan(message)) {
    if (fields.length >= FIELDS_MAX) throw new RangeError(`a message has more than ${FIELDS_MAX} fields`);
    fields.push(field);
  }
  return fields;
}

/**
 * The fields of a message one after the other, however many: nothing is kept of those that are past.
 * @throws RangeError while it goes on, if the bytes are no protobuf message
 */
export function* scan(message: Uint8Array): Generator<Field> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) yield nextField(reader, message);
}

/** The first field of that number; nothing after it is read. */
export function firstField(message: Uint8Array, number: number): Field | undefined {
  for (const field of scan(message)) if (field.number === number) return field;
  return undefined;
}

function nextField(reader: protobuf.Reader, message: Uint8Array): Field {
  const from = reader.pos;
  const tag = reader.uint32();
  const wireType = tag & 7;
  // Readers of protobuf go into groups by recursion, and ONNX has none.
  if (wireType === GROUP) throw new RangeError('it holds a group, which no message of ONNX has');
  let content: Uint8Array = EMPTY;
  let integer = 0;
  if (wireType === LENGTH_DELIMITED) content = reader.bytes();
  else if (wireType === VARINT) integer = integerAt(reader);
  else reader.skipType(wireType);
  return { number: tag >>> 3, wireType, raw: message.subarray(from, reader.pos), content, integer };
}

function integerAt(reader: protobuf.Reader): number {
  const value = reader.int64() as number | { low: number; high: number };
  return typeof value === 'number' ? value : value.high * 2 ** 32 + (value.low >>> 0);
}

const EMPTY = new Uint8Array(0);
const utf8 = new TextDecoder();

/** The last of the fields of that number counts, as protobuf says; undefined where there is none. */
export function lastField(fields: readonly Field[], number: number): Field | undefined {
  return fields.findLast((field) => field.number === number);
}

export function text(field: Field | undefined): string {
  return field === undefined ? '' : utf8.decode(field.content);
}

/** Whether a field of numbers holds all of them packed, none included, and not one by itself. */
export function isPacked({ wireType }: Field): boolean {
  return wireType === LENGTH_DELIMITED;
}

/** The integers of a repeated field, packed or not. One of another wire type is none, as readers of protobuf have it. */
export function integers(fields: readonly Field[], number: number): number[] {
  return fields.flatMap((field) => {
    if (field.number !== number) return [];
    if (field.wireType === VARINT) return [field.integer];
    if (!isPacked(field)) return [];
    const reader = protobuf.Reader.create(field.content);
    const values: number[] = [];
    while (reader.pos < reader.len) values.push(integerAt(reader));
    return values;
  });
}

/** Writes a message field by field, in the order of the calls: equal calls give equal bytes. Defaults are written too. */
export class MessageWriter {
  private readonly writer = protobuf.Writer.create();

  integer(field: number, value: number): this {
    this.writer.uint32(field << 3).int64(value);
    return this;
  }
  float(field: number, value: number): this {
    this.writer.uint32((field << 3) | 5).float(value);
    return this;
  }
  text(field: number, value: string): this {
    this.writer.uint32((field << 3) | LENGTH_DELIMITED).string(value);
    return this;
  }
  bytes(field: number, value: Uint8Array): this {
    this.writer.uint32((field << 3) | LENGTH_DELIMITED).bytes(value);
    return this;
  }
  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.finish());
  }
  /** Packed. */
  integers(field: number, values: readonly number[]): this {
    this.writer.uint32((field << 3) | LENGTH_DELIMITED).fork();
    for (const value of values) this.writer.int64(value);
    this.writer.ldelim();
    return this;
  }
  /** Packed float32. */
  floats(field: number, values: ArrayLike<number>): this {
    this.writer.uint32((field << 3) | LENGTH_DELIMITED).fork();
    for (let i = 0; i < values.length; i++) this.writer.float(values[i] as number);
    this.writer.ldelim();
    return this;
  }
  finish(): Uint8Array {
    return Uint8Array.from(this.writer.finish());
  }
}

/** The bytes of parts, one after the other. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
