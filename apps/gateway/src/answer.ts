import { classesOf, GyreError, type LabelRules, type LabelValue, type ModelInForce } from '@gyre/contracts';
import type { InferAnswer, InferRequest, Parameters, Tensor, TensorMetadata } from './oip.js';
import type { Answered } from './prediction.js';
import type { TensorModel } from './tensor-request.js';

const PREDICTION_ID = 'prediction_id';
const ROW_0 = '.0';

/**
 * The answer to a request. Its parameters: `prediction_id` (of several rows an output of that name, whichever outputs are asked for; an imported model's outputs are its own
 * alone, so there row r has the id of the parameter with `.r` after it), `version`, `role`, and where they apply
 * `serving` (`last-known`, where the platform has been away since the start), `fallback`, `fallback_reason`, `feature_status` (the worst) and `feature_age_ms` (the oldest).
 */
export function inferAnswer(request: InferRequest, answered: Answered): InferAnswer {
  const { asked, ids, spec, found, output } = answered;
  const version = answered.version === null ? '' : String(answered.version);
  const parameters: Parameters = { ...roleOf(answered), version: version === '' ? 'fallback' : version };
  if (answered.serving.lastKnown) parameters['serving'] = 'last-known';
  let outputs = answered.tensors === null ? outputTensors(spec, output, asked.rows) : [...answered.tensors];
  const wanted = request.outputs;
  if (wanted.length > 0) outputs = outputs.filter(({ name }) => wanted.includes(name));
  if (asked.rows === 1) parameters[PREDICTION_ID] = ids[0] as string;
  else if (answered.tensors !== null) parameters[PREDICTION_ID] = (ids[0] as string).slice(0, -ROW_0.length);
  // Without its id nobody could label a row, so it comes unasked; of one row the parameter has it.
  if (answered.tensors === null && (asked.rows > 1 || wanted.includes(PREDICTION_ID)))
    outputs.push({ name: PREDICTION_ID, datatype: 'BYTES', shape: [asked.rows], values: ids });
  if (found !== null) {
    parameters['feature_status'] = found.status;
    if (found.ageMs !== null) parameters['feature_age_ms'] = found.ageMs;
  }
  return { model: request.model, version, id: request.id, parameters, outputs };
}

/** @throws GyreError BAD_REQUEST if an output is asked for that the model does not have */
export function checkOutputs(request: InferRequest, of: LabelRules | TensorModel): void {
  if (request.outputs.length === 0) return;
  const own = 'outputs' in of ? of.outputs : [...outputMetadata(of), { name: PREDICTION_ID }];
  const names = own.map(({ name }) => name);
  const unknown = request.outputs.find((output) => !names.includes(output));
  if (unknown !== undefined)
    throw new GyreError('BAD_REQUEST', `${request.model} has no output "${unknown}"; it has ${names.join(', ')}`);
}

/**
 * In which role the version answered: `champion`, `canary`, `split`, `shadow` (a challenger that the request named), `previous`, also where it goes on because
 * the champion could not be loaded, or `fallback`, by its `rules` or `default`. Wherever it is not what the request was meant to get, why.
 */
function roleOf({ version, fallback, serving, route }: Answered): Parameters {
  const { answering, degraded, shadows } = serving;
  if (version === null) return { role: 'fallback', fallback: route, fallback_reason: fallback ?? 'no-version' };
  const why = fallback === null ? {} : { fallback_reason: fallback };
  if (route === 'canary' || route === 'split') return { role: route, ...why };
  if (version === answering?.version)
    return degraded === null
      ? { role: 'champion', ...why }
      : { role: 'previous', fallback_reason: fallback ?? degraded };
  const isShadow = route === 'named' && shadows.some((shadow) => shadow.version === version);
  return { role: isShadow ? 'shadow' : 'previous', ...why };
}

/** What the outputs of a model look like to a client: `probabilities` and `label`, or `value`. */
function outputTensors(spec: ModelInForce, values: Float32Array, rows: number): Tensor[] {
  const classes = classesOf(spec.label);
  if (classes.length === 0) return [{ name: 'value', datatype: 'FP32', shape: [rows], values }];
  const width = classes.length;
  const labels = Array.from({ length: rows }, (_, row) => classes[likeliest(values, row * width, width)] as LabelValue);
  return [
    { name: 'probabilities', datatype: 'FP32', shape: [rows, width], values },
    { name: 'label', shape: [rows], ...encoded(labels, classes) },
  ];
}

export function outputMetadata(label: LabelRules): TensorMetadata[] {
  const classes = classesOf(label);
  if (classes.length === 0) return [{ name: 'value', datatype: 'FP32', shape: [-1] }];
  return [
    { name: 'probabilities', datatype: 'FP32', shape: [-1, classes.length] },
    { name: 'label', datatype: encoded([], classes).datatype, shape: [-1] },
  ];
}

function likeliest(values: Float32Array, from: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if ((values[from + i] as number) > (values[from + best] as number)) best = i;
  return best;
}

/** Classes that are all whole numbers go as INT64, all numbers as FP64, all booleans as BOOL, others as text. */
function encoded(labels: readonly LabelValue[], classes: readonly LabelValue[]): Pick<Tensor, 'datatype' | 'values'> {
  if (classes.every((c) => Number.isSafeInteger(c))) return { datatype: 'INT64', values: labels as number[] };
  if (classes.every((c) => typeof c === 'number')) return { datatype: 'FP64', values: labels as number[] };
  if (classes.every((c) => typeof c === 'boolean')) return { datatype: 'BOOL', values: labels.map(Number) };
  return { datatype: 'BYTES', values: labels.map(String) };
}
