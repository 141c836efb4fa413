import { GyreError, type ModelInput } from '@gyre/contracts';
import type { TensorValue } from '@gyre/model-runtime';
import { featureRows, type FeatureRows } from './feature-rows.js';
import type { InferRequest, Tensor } from './oip.js';
import { tensorInputs, type TensorModel, type TensorOptions } from './tensor-request.js';

/** What a request asks for, checked. */
export interface Asked {
  rows: number;
  /** Row-major float32 of shape [rows, width]; null: they are to be looked up for the entities. */
  features: Float32Array | null;
  /** In the order of the model's inputs; null where it takes features. */
  tensors: readonly TensorValue[] | null;
  /** Its optional inputs that the request brings; null: none. */
  options: TensorOptions | null;
  /** One for each row, where the request names any. */
  entities: readonly string[] | null;
  /** Event time of the request, or of its first row, UTC milliseconds. */
  at: number;
  /** Of each row, where the request gives them; null: all are at `at`. */
  times: readonly number[] | null;
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
  const at = timeOf(request.parameters[TIME], PARAMETER, now, limits.maxSkewMs);
  const { rows, values: tensors, options } = limited(tensorInputs(request.inputs, model), limits);
  const given = request.parameters[ENTITY];
  const entity = given === undefined ? null : String(given);
  if (entity !== null) checkEntity(entity);
  const entities = entity === null ? null : new Array<string>(rows).fill(entity);
  return { rows, features: null, tensors, options, entities, at, times: null };
}

/**
 * Reads the parameters `time` (ISO 8601) and `entity`, and the inputs: features, or `entity` BYTES [N], or both; and `time` BYTES [N], where each row
 * has a time of its own.
 * @param now UTC milliseconds
 * @throws GyreError BAD_REQUEST, FEATURES_MISMATCHED
 */
export function asked(request: InferRequest, inputs: readonly ModelInput[], now: number, limits: RequestLimits): Asked {
  checkId(request.id);
  refuseRepeated(request.inputs);
  const { [ENTITY]: entity, [TIME]: time } = request.parameters;
  const named = request.inputs.find(isNames);
  const timed = request.inputs.find(isTimes);
  const tensors = request.inputs.filter((tensor) => tensor !== named && tensor !== timed);
  const names = named === undefined ? null : textsOf(named);
  names?.forEach(checkEntity);
  if (names === null && entity !== undefined) checkEntity(String(entity));
  const times =
    timed === undefined ? null : textsOf(timed).map((text) => timeOf(text, `input "${TIME}"`, now, limits.maxSkewMs));
  const at = times?.[0] ?? timeOf(time, PARAMETER, now, limits.maxSkewMs);
  const isLookedUp = tensors.length === 0 && (names !== null || entity !== undefined);
  const { rows, features } = isLookedUp
    ? limited({ rows: names?.length ?? 1, features: null }, limits)
    : limited(featureRows(tensors, inputs), limits);
  if (names !== null && names.length !== rows)
    throw uneven(`input "${ENTITY}" names ${names.length} entities`, rows, 'features');
  if (times !== null && times.length !== rows)
    throw uneven(`input "${TIME}" has ${times.length} times`, rows, isLookedUp ? 'entities' : 'features');
  const entities = names ?? (entity === undefined ? null : new Array<string>(rows).fill(String(entity)));
  return { rows, features, tensors: null, options: null, entities, at, times };
}

/** Event time of a row, UTC milliseconds. */
export function rowTime({ at, times }: Pick<Asked, 'at' | 'times'>, row: number): number {
  return times?.[row] ?? at;
}

const ENTITY = 'entity';
const TIME = 'time';
const PARAMETER = `the parameter ${TIME}`;
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

function refuseRepeated(inputs: readonly Tensor[]): void {
  if (inputs.length < 2) return;
  const names = new Set<string>();
  for (const { name } of inputs) {
    if (names.has(name))
      throw new GyreError('FEATURES_MISMATCHED', `input "${name}" is brought twice; expected one input of each name`);
    names.add(name);
  }
}

function limited<T extends Pick<FeatureRows, 'rows'>>(brought: T, { rowsMax }: RequestLimits): T {
  if (brought.rows <= rowsMax) return brought;
  throw new GyreError(
    'BAD_REQUEST',
    `the request has ${brought.rows} rows; expected at most ${rowsMax}, send more in several requests`,
  );
}

function isNames({ name }: Tensor): boolean {
  return name === ENTITY;
}

/** A feature of that name is a number. */
function isTimes({ name, datatype }: Tensor): boolean {
  return name === TIME && datatype === 'BYTES';
}

function textsOf({ name, datatype, shape, values }: Tensor): readonly string[] {
  const fits =
    datatype === 'BYTES' && values.length > 0 && (shape.length === 1 || (shape.length === 2 && shape[1] === 1));
  if (fits) return values as readonly string[];
  throw new GyreError(
    'FEATURES_MISMATCHED',
    `input "${name}" is ${datatype} [${shape.join(', ')}]; expected BYTES [N]`,
  );
}

function uneven(what: string, rows: number, of: string): GyreError {
  return new GyreError('FEATURES_MISMATCHED', `${what} for ${rows} rows of ${of}; expected one for each`);
}

function timeOf(given: string | number | boolean | undefined, place: string, now: number, maxSkewMs: number): number {
  if (given === undefined) return now;
  const at = typeof given === 'string' && ISO_TIME.test(given) && isDay(given) ? Date.parse(given) : NaN;
  if (!(at >= 0))
    throw new GyreError(
      'BAD_REQUEST',
      `${place} is ${JSON.stringify(given)}; expected ISO 8601 with a zone, such as 2026-11-22T14:05:00Z, from 1970 on`,
    );
  if (at <= now + maxSkewMs) return at;
  throw new GyreError(
    'BAD_REQUEST',
    `${place} is ${given as string}, ${at - now} ms ahead of this server's clock; expected at most ${maxSkewMs} ms`,
  );
}

/** 30 February would be taken for a day in March. */
function isDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  return day <= 28 || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === day;
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;
