import { datatypeOf, elementsOf, type InferAnswer, type Parameters, type Tensor } from './oip.js';
import { NONE, readParameter, writeParameters } from './oip-parameters.js';
import { rawOf, readRaw } from './oip-raw.js';
import { readContents, readTensor, writeTensor, type UnreadTensor } from './oip-tensor.js';
import { BYTES, WireReader, WireWriter } from './oip-wire.js';

/** ModelInferResponse. */
const MODEL = 1;
const VERSION = 2;
const ID = 3;
const PARAMETERS = 4;
const OUTPUTS = 5;
const RAW = 6;

const writer = new WireWriter();

/**
 * A ModelInferResponse for the wire.
 * @param raw whether the tensors go raw, as those of the request did; they also do where one of them is FP16, which has no other way
 */
export function encodeAnswer(answer: InferAnswer, raw: boolean): Buffer {
  const { outputs } = answer;
  const isRaw = raw || outputs.some(({ datatype }) => datatype === 'FP16');
  writer.begin();
  writer.text(MODEL, answer.model);
  writer.text(VERSION, answer.version);
  writer.text(ID, answer.id);
  writeParameters(writer, PARAMETERS, answer.parameters);
  for (const tensor of outputs) writeTensor(writer, OUTPUTS, tensor, isRaw);
  if (isRaw) for (const tensor of outputs) writer.raw(RAW, rawOf(tensor));
  return writer.finish();
}

/**
 * A ModelInferResponse as a client reads it.
 * @throws GyreError BAD_REQUEST, FEATURES_MISMATCHED for what is none
 */
export function decodeAnswer(bytes: Buffer): InferAnswer {
  const reader = new WireReader(bytes);
  const answer: InferAnswer = { model: '', version: '', id: '', parameters: NONE as Parameters, outputs: [] };
  const unread: UnreadTensor[] = [];
  const raw: number[] = [];
  while (reader.at < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case (MODEL << 3) | BYTES:
        answer.model = reader.name();
        break;
      case (VERSION << 3) | BYTES:
        answer.version = reader.name();
        break;
      case (ID << 3) | BYTES:
        answer.id = reader.text();
        break;
      case (PARAMETERS << 3) | BYTES:
        answer.parameters = readParameter(reader, answer.parameters);
        break;
      case (OUTPUTS << 3) | BYTES:
        unread.push(readTensor(reader));
        break;
      case (RAW << 3) | BYTES:
        raw.push(reader.delimited(), reader.at);
        break;
      default:
        reader.skipField(tag);
    }
  }
  answer.outputs = unread.map((tensor, i): Tensor => {
    if (raw.length === 0) return readContents(tensor);
    const { name, shape } = tensor;
    const datatype = datatypeOf(tensor.datatype, name);
    const [from, to] = [raw[i * 2] ?? 0, raw[i * 2 + 1] ?? 0];
    return { name, datatype, shape, values: readRaw(bytes, from, to, datatype, elementsOf(shape, name), name) };
  });
  return answer;
}
