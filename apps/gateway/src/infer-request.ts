import { GyreError, type ModelInput } from '@gyre/contracts';
import type { TensorValue } from '@gyre/model-runtime';
import { featureRows, type FeatureRows } from './feature-rows.js';
import type { InferRequest, Tensor } from './oip.js';
import { tensorInputs, type TensorModel } from './tensor-request.js';

/** What a request asks for, checked. */
export interface Asked {
  rows: number;
  /** Row-major float32 of shape [rows, width]; null: they are to be looked up for the entities. */
  features: Float32Array | null;
  /** In the order of the model's inputs; null where it takes features. */
  tensors: readonly TensorValue[] | null;
  /** One for each row, where the request names any. */
  entities: readonly string[] | null;
  /** Event time of the request, UTC milliseconds. */
  at: number;
}

export interface RequestLimits {
  /** How far ahead of the clock a request may be stamped. */
  maxSkewMs: number;
  rowsMax: number;
}

/**
 * What a request to an imported model asks: the tensors that the model takes, and the parameters `time` and `entity`.
 * @param now UTC milliseconds
 * @throws GyreError BAD_REQUEST, FEATURES_MISMATCHED
 */
export function askedByTensors(request: InferRequest, model: TensorModel, now: number, limits: RequestLimits): Asked {
  checkId(request.id);
  const at = timeOf(request.parameters['time'], now, limits.maxSkewMs);
  const { rows, values: tensors } = limited(tensorInputs(request.inputs, model), limits);
  const given = request.parameters[ENTITY];
  const entity = given === undefined ? null : String(given);
  if (entity !== null) checkEntity(entity);
  return { rows, features: null, tensors, entities: entity === null ? null : new Array<string>(rows).fill(entity), at };
}

/**
 * Reads the parameters `time` (ISO 8601) and `entity`, and the inputs: features, or `entity` BYTES [N], or both.
 * @param now UTC milliseconds
 * @throws GyreError BAD_REQUEST, FEATURES_MISMATCHED
 */
export function asked(request: InferRequest, inputs: readonly ModelInput[], now: number, limits: RequestLimits): Asked {
  checkId(request.id);
  const at = timeOf(request.parameters['time'], now, limits.maxSkewMs);
  const named = request.inputs.find((tensor) => tensor.name === ENTITY);
  const tensors = named === undefined ? request.inputs : request.inputs.filter((tensor) => tensor !== named);
  const entity = request.parameters[ENTITY];
  if (named === undefined && entity === undefined) {
    return { ...limited(featureRows(tensors, inputs), limits), tensors: null, entities: null, at };
  }
  const entities = named === undefined ? [String(entity)] : entitiesOf(named);
  entities.forEach(checkEntity);
  if (tensors.length === 0)
    return { ...limited({ rows: entities.length }, limits), features: null, tensors: null, entities, at };
  const brought = limited(featureRows(tensors, inputs), limits);
  if (named === undefined)
    return {
      ...brought,
      tensors: null,
      entities: Array.from({ length: brought.rows }, () => entities[0] as string),
      at,
    };
  if (entities.length === brought.rows) return { ...brought, tensors: null, entities, at };
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${ENTITY}" names ${entities.length} entities for ${brought.rows} rows of features; expected one for each`,
  );
}

const ENTITY = 'entity';
const ID_LENGTH_MAX = 256;
const ENTITY_LENGTH_MAX = 512;

function checkId(id: string): void {
  if (id.length <= ID_LENGTH_MAX) return;
  throw new GyreError('BAD_REQUEST', `the request id has ${id.length} characters; expected at most ${ID_LENGTH_MAX}`);
}

function checkEntity(name: string): void {
  if (name !== '' && name.length <= ENTITY_LENGTH_MAX) return;
  throw new GyreError('BAD_REQUEST', `an entity has 1 to ${ENTITY_LENGTH_MAX} characters, got ${name.length}`);
}

function limited<T extends Pick<FeatureRows, 'rows'>>(brought: T, { rowsMax }: RequestLimits): T {
  if (brought.rows <= rowsMax) return brought;
  throw new GyreError(
    'BAD_REQUEST',
    `the request has ${brought.rows} rows; expected at most ${rowsMax}, send more in several requests`,
  );
}

function entitiesOf({ datatype, shape, values }: Tensor): readonly string[] {
  const fits =
    datatype === 'BYTES' && values.length > 0 && (shape.length === 1 || (shape.length === 2 && shape[1] === 1));
  if (fits) return values as readonly string[];
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${ENTITY}" is ${datatype} [${shape.join(', ')}]; expected BYTES [N]`,
  );
}

function timeOf(given: string | number | boolean | undefined, now: number, maxSkewMs: number): number {
  if (given === undefined) return now;
  const at = typeof given === 'string' && ISO_TIME.test(given) ? Date.parse(given) : NaN;
  if (!(at >= 0))
    throw new GyreError(
      'BAD_REQUEST',
      `the parameter time is ${JSON.stringify(given)}; expected ISO 8601 with a zone, such as 2026-11-22T14:05:00Z, from 1970 on`,
    );
  if (at <= now + maxSkewMs) return at;
  throw new GyreError(
    'BAD_REQUEST',
    `the parameter time is ${given as string}, ${at - now} ms ahead of this server's clock; expected at most ${maxSkewMs} ms`,
  );
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
