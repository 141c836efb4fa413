import { z } from 'zod';
import {
  checkCount,
  datatypeOf,
  elementsOf,
  numbersOf,
  type Datatype,
  type InferAnswer,
  type InferRequest,
  type Tensor,
} from './oip.js';
import { GyreError } from '@gyre/contracts';

const ParametersJson = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** The body of POST /v2/models/:model/infer. Data is flat or nested as the shape says; null is a missing number. */
export const InferRequestJson = z.object({
  id: z.string().optional(),
  parameters: ParametersJson.optional(),
  inputs: z
    .array(z.object({ name: z.string(), shape: z.array(z.number()), datatype: z.string(), data: z.unknown() }))
    .default([]),
  outputs: z.array(z.object({ name: z.string() })).optional(),
});
export type InferRequestJson = z.infer<typeof InferRequestJson>;

/** @throws GyreError FEATURES_MISMATCHED if a tensor's datatype, shape and data do not fit each other */
export function decodeJson(model: string, version: string, body: InferRequestJson): InferRequest {
  return {
    model,
    version,
    id: body.id ?? '',
    parameters: body.parameters ?? {},
    inputs: body.inputs.map(decodeTensor),
    outputs: (body.outputs ?? []).map((output) => output.name),
    raw: false,
  };
}

export function encodeJson(answer: InferAnswer): Record<string, unknown> {
  return {
    model_name: answer.model,
    model_version: answer.version,
    ...(answer.id === '' ? {} : { id: answer.id }),
    parameters: answer.parameters,
    outputs: answer.outputs.map(({ name, datatype, shape, values }) => ({
      name,
      shape,
      datatype,
      data: encodeData(values, datatype),
    })),
  };
}

function decodeTensor(input: InferRequestJson['inputs'][number]): Tensor {
  const { name, shape } = input;
  const datatype = datatypeOf(input.datatype, name);
  const count = elementsOf(shape, name);
  const elements = Array.isArray(input.data) ? (input.data.flat(Infinity) as unknown[]) : [];
  checkCount(name, shape, count, elements.length, 'data');
  const values =
    datatype === 'BYTES'
      ? elements.map((e) => text(e, name))
      : numbersOf(
          datatype,
          elements.map((e) => number(e, datatype, name)),
        );
  return { name, datatype, shape, values };
}

function text(element: unknown, input: string): string {
  if (typeof element === 'string') return element;
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" is BYTES and holds ${JSON.stringify(element)}; expected strings`,
  );
}

function number(element: unknown, datatype: Datatype, input: string): number {
  if (typeof element === 'number') return element;
  if (element === null && datatype.startsWith('FP')) return NaN;
  if (typeof element === 'boolean' && datatype === 'BOOL') return element ? 1 : 0;
  const expected = datatype === 'BOOL' ? 'true or false' : 'numbers';
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" is ${datatype} and holds ${JSON.stringify(element)}; expected ${expected}`,
  );
}

function encodeData(values: Tensor['values'], datatype: Datatype): unknown[] {
  if (datatype === 'BOOL') return Array.from(values as ArrayLike<number>, Boolean);
  return Array.from(values as ArrayLike<unknown>);
}
