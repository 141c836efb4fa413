import { randomFillSync } from 'node:crypto';
import { predictionId, routingHash, type ModelInForce, type Predicted } from '@gyre/contracts';
import type { EntityFeatures } from './entity-features.js';
import { rowTime, type Asked } from './infer-request.js';
import type { InferRequest, Tensor } from './oip.js';
import type { Route } from './routing.js';
import type { Serving } from './serving.js';
import { recordedRow } from './tensor-request.js';

/** Why no model answered: none is there yet, its features could not be looked up or are not what the spec wants, it failed, or its answer was no finite number. */
export type FallbackReason = 'no-version' | 'features-unavailable' | 'features-missing' | 'run-failed' | 'not-finite';

/** What a request was answered, as it will be judged. */
export interface Answered {
  /** One for each row. */
  ids: readonly string[];
  request: InferRequest;
  asked: Asked;
  serving: Serving;
  /** Of the version that was asked, or of the model. */
  spec: ModelInForce;
  /** Row-major [rows, width]; null where they could not be looked up. */
  features: Float32Array | null;
  found: EntityFeatures | null;
  /** Null is the fallback. */
  version: number | null;
  fallback: FallbackReason | null;
  /** Row-major [rows, outputs]. */
  output: Float32Array;
  /** The outputs of a model that was asked by its own tensors. */
  tensors: readonly Tensor[] | null;
  /** How it came to what answered. */
  route: Route;
}

/**
 * The ids of a request's predictions, one for each row. Row r of several has `.r` at its end.
 *
 * @param unique the unique part: the client's request id where it gave one and a time, so that a request that is sent again is the same
 *   prediction; empty: random
 */
export function predictionIds(model: string, asked: Asked, unique: string): string[] {
  const { at, rows, entities } = asked;
  const own = unique === '' ? randomPart() : unique;
  if (rows === 1)
    return [predictionId({ routing: routingHash(model, entities?.[0] ?? own), predictedAt: at, unique: own })];
  const common = entities === null ? routingHash(model, own) : '';
  return Array.from({ length: rows }, (_, row) => {
    const entity = entities?.[row];
    const routing = entity === undefined ? common : routingHash(model, entity);
    return predictionId({ routing, predictedAt: rowTime(asked, row), unique: `${own}.${row}` });
  });
}

const RANDOM_BYTES = 12;
const random = Buffer.alloc(RANDOM_BYTES * 256);
let randomAt = random.length;

/** 96 random bits as text; the system is asked for many at once, for each asking costs microseconds. */
function randomPart(): string {
  if (randomAt === random.length) {
    randomFillSync(random);
    randomAt = 0;
  }
  return random.toString('base64url', randomAt, (randomAt += RANDOM_BYTES));
}

/** One record for each row. */
export function predictedEvents(answered: Answered): Predicted[] {
  const { asked, request, serving, spec, found, output } = answered;
  const { rows, entities } = asked;
  return answered.ids.map((id, row) => ({
    id,
    model: spec.name,
    occurredAt: rowTime(asked, row),
    request: request.id === '' ? null : request.id,
    entity: entities?.[row] ?? null,
    features: recordedFeatures(answered, row),
    seen: found?.seen[row] ?? null,
    version: answered.version,
    fallback: answered.fallback,
    output: rowOf(output, rows, row),
    rollout: serving.rollout,
    // They are scored when the answer has left.
    shadows: [],
    route: answered.route,
  }));
}

function recordedFeatures({ asked, features, spec }: Answered, row: number): (number | null)[] {
  // With optional inputs they are not all that the model saw, and must not be taken for that.
  if (asked.options !== null) return [];
  if (asked.tensors !== null) return recordedRow(asked.tensors, asked.rows, row);
  return features === null ? spec.inputs.map(() => null) : nullable(rowOf(features, asked.rows, row));
}

export function rowOf(values: Float32Array, rows: number, row: number): number[] {
  const width = values.length / rows;
  const list = new Array<number>(width);
  for (let i = 0; i < width; i++) list[i] = values[row * width + i] as number;
  return list;
}

/** NaN does not survive JSON. */
function nullable(list: (number | null)[]): (number | null)[] {
  for (let i = 0; i < list.length; i++) if (Number.isNaN(list[i])) list[i] = null;
  return list;
}
