import { elementsOf, type Datatype, type InferAnswer, type InferRequest, type Parameters, type Tensor } from './oip.js';
import type { HttpMessage } from './oip-json.js';
import { rawOf, readRaw } from './oip-raw.js';

/** A request as a client sends it over HTTP: all tensors binary, both ways, so that no number is written as text. */
export function encodeJsonRequest({ id, parameters, inputs }: InferRequest): HttpMessage {
  const raw = inputs.map(rawOf);
  const json = JSON.stringify({
    ...(id === '' ? {} : { id }),
    parameters: { ...parameters, binary_data_output: true },
    inputs: inputs.map(({ name, datatype, shape }, i) => {
      return { name, datatype, shape, parameters: { binary_data_size: raw[i]?.length } };
    }),
  });
  const head = Buffer.from(json);
  return { body: Buffer.concat([head, ...raw]), jsonBytes: head.length };
}

interface AnswerJson {
  model_name: string;
  model_version: string;
  id?: string;
  parameters?: Parameters;
  outputs: { name: string; datatype: Datatype; shape: number[]; parameters: { binary_data_size: number } }[];
}

/** The answer to it. @throws GyreError FEATURES_MISMATCHED if tensors are not what their headers say */
export function decodeJsonAnswer({ body, jsonBytes }: HttpMessage): InferAnswer {
  const json = JSON.parse(body.toString('utf8', 0, jsonBytes)) as AnswerJson;
  let at = jsonBytes ?? body.length;
  const outputs = json.outputs.map(({ name, datatype, shape, parameters }): Tensor => {
    const from = at;
    at += parameters.binary_data_size;
    return { name, datatype, shape, values: readRaw(body, from, at, datatype, elementsOf(shape, name), name) };
  });
  const { model_name: model, model_version: version, id = '', parameters = {} } = json;
  return { model, version, id, parameters, outputs };
}
