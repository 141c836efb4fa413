import { GyreError } from '@gyre/contracts';
import {
  checkCount,
  datatypeOf,
  elementsOf,
  type Datatype,
  type InferAnswer,
  type InferRequest,
  type Parameters,
  type Tensor,
} from './oip.js';
import { readRaw, writeRaw } from './oip-raw.js';

/** The messages of proto/inference/grpc_predict_v2.proto as @grpc/proto-loader makes them with `keepCase`; int64 may come as number, string or Long. */
export interface ModelInferRequestMessage {
  model_name?: string;
  model_version?: string;
  id?: string;
  parameters?: Record<string, ParameterMessage>;
  inputs?: InputMessage[];
  outputs?: { name?: string }[];
  raw_input_contents?: Uint8Array[];
}
export interface InputMessage {
  name?: string;
  datatype?: string;
  shape?: unknown[];
  contents?: ContentsMessage | null;
}
export interface ParameterMessage {
  bool_param?: boolean;
  int64_param?: unknown;
  string_param?: string;
}
export type ContentsMessage = Partial<Record<ContentsField, ArrayLike<unknown>>>;
type ContentsField =
  | 'bool_contents'
  | 'int_contents'
  | 'int64_contents'
  | 'uint_contents'
  | 'uint64_contents'
  | 'fp32_contents'
  | 'fp64_contents'
  | 'bytes_contents';

export interface ModelInferResponseMessage {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Record<string, ParameterMessage>;
  outputs: { name: string; datatype: string; shape: readonly number[]; contents?: ContentsMessage }[];
  raw_output_contents?: Uint8Array[];
}

const FIELDS: Record<Datatype, ContentsField> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

/** Whether the request brought its tensors raw; then so does the answer. */
export function isRaw(message: ModelInferRequestMessage): boolean {
  return (message.raw_input_contents?.length ?? 0) > 0;
}

/** @throws GyreError FEATURES_MISMATCHED if a tensor's datatype, shape and contents do not fit each other */
export function decodeRequest(message: ModelInferRequestMessage): InferRequest {
  const inputs = message.inputs ?? [];
  const raw = message.raw_input_contents ?? [];
  if (raw.length > 0 && raw.length !== inputs.length) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `raw_input_contents holds ${raw.length} tensors for ${inputs.length} inputs; expected one for each, or none`,
    );
  }
  return {
    model: message.model_name ?? '',
    version: message.model_version ?? '',
    id: message.id ?? '',
    parameters: decodeParameters(message.parameters),
    inputs: inputs.map((input, i) => decodeTensor(input, raw[i])),
    outputs: (message.outputs ?? []).map((output) => output.name ?? ''),
  };
}

export function encodeAnswer(answer: InferAnswer, raw: boolean): ModelInferResponseMessage {
  const message: ModelInferResponseMessage = {
    model_name: answer.model,
    model_version: answer.version,
    id: answer.id,
    parameters: encodeParameters(answer.parameters),
    outputs: answer.outputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      return raw
        ? { name, datatype, shape }
        : { name, datatype, shape, contents: { [FIELDS[datatype]]: contents(tensor) } };
    }),
  };
  if (raw) message.raw_output_contents = answer.outputs.map(writeRaw);
  return message;
}

function decodeTensor(input: InputMessage, raw: Uint8Array | undefined): Tensor {
  const name = input.name ?? '';
  const datatype = datatypeOf(input.datatype, name);
  const shape = (input.shape ?? []).map(Number);
  const count = elementsOf(shape, name);
  if (raw !== undefined) return { name, datatype, shape, values: readRaw(raw, datatype, count, name) };
  const brought = input.contents?.[FIELDS[datatype]] ?? [];
  checkCount(name, shape, count, brought.length);
  return { name, datatype, shape, values: decodeContents(brought, datatype) };
}

function decodeContents(brought: ArrayLike<unknown>, datatype: Datatype): ArrayLike<number> | string[] {
  if (datatype === 'FP32' || datatype === 'FP64') return brought as ArrayLike<number>;
  if (datatype === 'BYTES')
    return Array.from(brought as ArrayLike<Uint8Array>, (bytes) => Buffer.from(bytes).toString('utf8'));
  return Array.from(brought, Number);
}

function contents(tensor: Tensor): ArrayLike<unknown> {
  if (tensor.datatype === 'BYTES') return Array.from(tensor.values as readonly string[], (text) => Buffer.from(text));
  if (tensor.datatype === 'BOOL') return Array.from(tensor.values as ArrayLike<number>, Boolean);
  // protobufjs takes arrays; of a typed array it would make an object.
  return Array.isArray(tensor.values) ? tensor.values : Array.from(tensor.values as ArrayLike<number>);
}

function decodeParameters(messages: Record<string, ParameterMessage> | undefined): Parameters {
  const parameters: Parameters = {};
  for (const name in messages) {
    const message = messages[name] as ParameterMessage;
    if (message.string_param !== undefined) parameters[name] = message.string_param;
    else if (message.bool_param !== undefined) parameters[name] = message.bool_param;
    else if (message.int64_param !== undefined) parameters[name] = Number(message.int64_param);
  }
  return parameters;
}

/** The protocol has no parameter for fractions: they go as text. */
function encodeParameters(parameters: Parameters): Record<string, ParameterMessage> {
  const messages: Record<string, ParameterMessage> = {};
  for (const name in parameters) {
    const value = parameters[name] as string | number | boolean;
    if (typeof value === 'string') messages[name] = { string_param: value };
    else if (typeof value === 'boolean') messages[name] = { bool_param: value };
    else messages[name] = Number.isSafeInteger(value) ? { int64_param: value } : { string_param: String(value) };
  }
  return messages;
}
