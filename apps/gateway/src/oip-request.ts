import { GyreError } from '@gyre/contracts';
import {
  datatypeOf,
  elementsOf,
  PARAMETERS_MAX,
  TENSORS_MAX,
  type InferRequest,
  type Parameters,
  type Tensor,
} from './oip.js';
import { NONE, readParameter, refuseExtensions, tooManyParameters, writeParameters } from './oip-parameters.js';
import { rawOf, readRaw } from './oip-raw.js';
import { readContents, readTensor, writeTensor, type UnreadTensor } from './oip-tensor.js';
import { BYTES, WireReader, WireWriter } from './oip-wire.js';

/** ModelInferRequest. */
const MODEL = 1;
const VERSION = 2;
const ID = 3;
const PARAMETERS = 4;
const INPUTS = 5;
const OUTPUTS = 6;
const RAW = 7;
/** InferRequestedOutputTensor. */
const OUTPUT_NAME = 1;
const OUTPUT_PARAMETERS = 2;

/**
 * A ModelInferRequest of the wire. Written by hand, for it is read thousands of times a second; it says the same as protobufjs, see
 * oip.spec.ts.
 *
 * @throws GyreError BAD_REQUEST for what is no such message; FEATURES_MISMATCHED if a tensor's datatype, shape and contents do not fit
 *   each other
 */
export function decodeRequest(bytes: Buffer): InferRequest {
  const reader = new WireReader(bytes);
  let model = '';
  let version = '';
  let id = '';
  let parameters: Parameters = NONE;
  let parameterCount = 0;
  const unread: UnreadTensor[] = [];
  let outputs: string[] = NO_NAMES;
  /** Where each raw tensor begins and ends. */
  let raw: number[] = NO_PLACES;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case (MODEL << 3) | BYTES:
        model = reader.name();
        break;
      case (VERSION << 3) | BYTES:
        version = reader.name();
        break;
      case (ID << 3) | BYTES:
        id = reader.text();
        break;
      case (PARAMETERS << 3) | BYTES:
        if (++parameterCount > PARAMETERS_MAX) throw tooManyParameters();
        parameters = readParameter(reader, parameters);
        break;
      case (INPUTS << 3) | BYTES:
        if (unread.length >= TENSORS_MAX) throw tooMany('inputs');
        unread.push(readTensor(reader));
        break;
      case (OUTPUTS << 3) | BYTES:
        if (outputs === NO_NAMES) outputs = [];
        if (outputs.length >= TENSORS_MAX) throw tooMany('outputs');
        outputs.push(readOutput(reader));
        break;
      case (RAW << 3) | BYTES:
        if (raw === NO_PLACES) raw = [];
        if (raw.length >= 2 * TENSORS_MAX) throw tooMany('raw_input_contents');
        raw.push(reader.delimited(), reader.at);
        break;
      default:
        reader.skipField(tag);
    }
  }
  const isRaw = raw.length > 0;
  const inputs = isRaw ? withRaw(unread, bytes, raw) : unread.map(readContents);
  return { model, version, id, parameters, inputs, outputs, raw: isRaw };
}

function tooMany(what: string): GyreError {
  return new GyreError('BAD_REQUEST', `the message has more than ${TENSORS_MAX} ${what}`);
}

const NO_NAMES: string[] = [];
const NO_PLACES: number[] = [];

function withRaw(unread: readonly UnreadTensor[], bytes: Buffer, raw: readonly number[]): Tensor[] {
  if (raw.length !== unread.length * 2) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `raw_input_contents holds ${raw.length / 2} tensors for ${unread.length} inputs; expected one for each, or none`,
    );
  }
  return unread.map(({ name, datatype: text, shape, contents }, i) => {
    const datatype = datatypeOf(text, name);
    if (contents !== null && contents.at < contents.end) {
      throw new GyreError(
        'FEATURES_MISMATCHED',
        `input "${name}" has contents, and raw_input_contents holds it too; expected one of the two`,
      );
    }
    const [from, to] = [raw[i * 2] as number, raw[i * 2 + 1] as number];
    return { name, datatype, shape, values: readRaw(bytes, from, to, datatype, elementsOf(shape, name), name) };
  });
}

function readOutput(reader: WireReader): string {
  let name = '';
  let parameters: Parameters = NONE;
  const outer = reader.enter();
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag === ((OUTPUT_NAME << 3) | BYTES)) name = reader.name();
    else if (tag === ((OUTPUT_PARAMETERS << 3) | BYTES)) parameters = readParameter(reader, parameters);
    else reader.skipField(tag);
  }
  reader.leave(outer);
  refuseExtensions(parameters, name);
  return name;
}

const writer = new WireWriter();

/** The message that a client sends. */
export function encodeRequest(request: InferRequest): Buffer {
  const { raw } = request;
  writer.begin();
  writer.text(MODEL, request.model);
  writer.text(VERSION, request.version);
  writer.text(ID, request.id);
  writeParameters(writer, PARAMETERS, request.parameters);
  for (const tensor of request.inputs) writeTensor(writer, INPUTS, tensor, raw);
  for (const name of request.outputs) {
    const output = writer.open(OUTPUTS);
    writer.text(OUTPUT_NAME, name);
    writer.close(output);
  }
  if (raw) for (const tensor of request.inputs) writer.raw(RAW, rawOf(tensor));
  return writer.finish();
}
