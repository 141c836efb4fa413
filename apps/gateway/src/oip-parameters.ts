import { GyreError } from '@gyre/contracts';
import { PARAMETERS_MAX, type Parameters } from './oip.js';
import { BYTES, FIXED64, VARINT, type WireReader, type WireWriter } from './oip-wire.js';

/** An entry of a map. */
const KEY = 1;
const VALUE = 2;
/** InferParameter: one of these. */
const BOOL_PARAM = 1;
const INT64_PARAM = 2;
const STRING_PARAM = 3;
const DOUBLE_PARAM = 4;
const UINT64_PARAM = 5;

/** A map without entries; never written to. */
export const NONE: Parameters = Object.freeze(Object.create(null) as Parameters);

export function tooManyParameters(): GyreError {
  return new GyreError('BAD_REQUEST', `the message or one of its tensors has more than ${PARAMETERS_MAX} parameters`);
}

/** Reads the map entry that lies where the reader is, and puts it among those that were read before. */
export function readParameter(reader: WireReader, before: Parameters): Parameters {
  const parameters = before === NONE ? (Object.create(null) as Parameters) : before;
  let name = '';
  let value: string | number | boolean | undefined;
  const outer = reader.enter();
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === ((KEY << 3) | BYTES)) name = reader.name();
    else if (tag === ((VALUE << 3) | BYTES)) value = readChoice(reader);
    else reader.skipField(tag);
  }
  reader.leave(outer);
  if (value !== undefined) parameters[name] = value;
  return parameters;
}

function readChoice(reader: WireReader): string | number | boolean | undefined {
  let value: string | number | boolean | undefined;
  const outer = reader.enter();
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === ((STRING_PARAM << 3) | BYTES)) value = reader.text();
    else if (tag === ((INT64_PARAM << 3) | VARINT)) value = reader.exactInt64(true);
    else if (tag === ((BOOL_PARAM << 3) | VARINT)) value = reader.bool();
    else if (tag === ((DOUBLE_PARAM << 3) | FIXED64)) value = reader.double();
    else if (tag === ((UINT64_PARAM << 3) | VARINT)) value = reader.exactInt64(false);
    else reader.skipField(tag);
  }
  reader.leave(outer);
  return value;
}

/** Writes a map as field `field`. Whole numbers go as int64_param, others as double_param. */
export function writeParameters(writer: WireWriter, field: number, parameters: Parameters): void {
  for (const name in parameters) {
    const entry = writer.open(field);
    writer.text(KEY, name);
    const choice = writer.open(VALUE);
    const value = parameters[name] as string | number | boolean;
    if (typeof value === 'string') writer.textAlways(STRING_PARAM, value);
    else if (typeof value === 'boolean') {
      writer.tag(BOOL_PARAM, VARINT);
      writer.varint(value ? 1 : 0);
    } else if (Number.isSafeInteger(value)) {
      writer.tag(INT64_PARAM, VARINT);
      writer.int64(value);
    } else {
      writer.tag(DOUBLE_PARAM, FIXED64);
      writer.double(value);
    }
    writer.close(choice);
    writer.close(entry);
  }
}

/**
 * Refuses parameters of tensors that ask for an extension of Triton's that is not spoken here, which would otherwise be answered as if
 * they had not been there.
 * @throws GyreError BAD_REQUEST
 */
export function refuseExtensions(parameters: Readonly<Parameters>, tensor: string): void {
  for (const name in parameters) {
    if (!EXTENSIONS.has(name)) continue;
    throw new GyreError(
      'BAD_REQUEST',
      `"${tensor}" has the parameter ${name}, an extension that this server does not have; send the tensor in the request and read it from the answer`,
    );
  }
}

const EXTENSIONS = new Set([
  'shared_memory_region',
  'shared_memory_offset',
  'shared_memory_byte_size',
  'classification',
]);

/** A map as the proto loader takes it. */
export function messagesOf(parameters: Parameters): Record<string, object> {
  const choice = (value: string | number | boolean): object => {
    if (typeof value === 'string') return { string_param: value };
    if (typeof value === 'boolean') return { bool_param: value };
    return Number.isSafeInteger(value) ? { int64_param: value } : { double_param: value };
  };
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, choice(value)]));
}
