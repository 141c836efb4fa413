import {
  classesOf,
  GyreError,
  type Explained,
  type LabelValue,
  type ModelInForce,
  type OnlineFeatures,
  type PastPrediction,
  type PastPredictions,
} from '@gyre/contracts';
import { inTime } from '@gyre/platform';
import type { TensorValue } from '@gyre/model-runtime';
import type { Admission } from './admission.js';
import { ANYBODY, deadlineOf, type Caller } from './caller.js';
import { lookUp, type EntityFeatures } from './entity-features.js';
import { explainedAnswer, type Explainable } from './explained.js';
import type { ExplainThread } from './explain-thread.js';
import type { TensorRows } from './explaining.js';
import { featureRows, MATRIX } from './feature-rows.js';
import { asked, askedByTensors, type RequestLimits } from './infer-request.js';
import type { InferRequest, Tensor } from './oip.js';
import { namedVersion } from './routing.js';
import { chosenVersion, type ServingTable } from './serving.js';
import { tensorInputs, type TensorModel } from './tensor-request.js';

export interface ExplainLimits extends RequestLimits {
  /** Rows that the model may be asked to score for one explanation. */
  evaluationsMax: number;
  backgroundRowsMax: number;
  /** How long an explanation may take, ms. */
  deadlineMs: number;
  /** How long a look-up of features may take, ms. */
  featuresDeadlineMs: number;
}

/** Past predictions for somebody who waits until `deadlineAt`, UTC milliseconds. Those in this process take no notice of it. */
export interface PastInTime {
  find(id: string, deadlineAt: number): ReturnType<PastPredictions['find']>;
  recent(model: string, limit: number, deadlineAt: number): ReturnType<PastPredictions['recent']>;
}

export interface ExplanationsOptions {
  table: Pick<ServingTable, 'serving' | 'artifactOf' | 'artifact'>;
  thread: Pick<ExplainThread, 'explain'>;
  admission: Pick<Admission, 'count' | 'refuseWherePressed'>;
  /** Null where this process reaches no feature store. */
  features: Pick<OnlineFeatures, 'get'> | null;
  past: PastInTime | null;
  limits: ExplainLimits;
  /** UTC milliseconds. */
  now: () => number;
}

/** What is to be explained, of a request or a past prediction. */
type Wanted = Omit<Explainable, 'result'> & { rows: TensorRows };

/**
 * Explains answers: what each feature contributes to a prediction, by Shapley values.
 *
 * Parameters beside those of a prediction: `prediction_id` (a past prediction: what was seen then, by the version that answered it), `orders` and `seed`
 * of the permutation method, `background_rows`. Inputs named `background` (or `background.NAME` for an input NAME) bring rows that say what is usual.
 */
export class Explanations {
  constructor(private readonly options: ExplanationsOptions) {}

  /**
   * @throws GyreError by rejection: what a request for a prediction fails with, and PREDICTION_NOT_FOUND, NOT_EXPLAINABLE, BACKGROUND_MISSING,
   *   EXPLANATION_TOO_LARGE
   */
  async explain(request: InferRequest, caller: Caller = ANYBODY): Promise<Explained> {
    caller.identity.require(['predictor'], request.model);
    const { now, limits, admission, table } = this.options;
    admission.count(caller.client);
    admission.refuseWherePressed(table.serving(request.model, caller.identity).spec.name);
    const { parameters } = request;
    const deadlineAt = Math.min(deadlineOf(caller, parameters['timeout'], now()), now() + limits.deadlineMs);
    const [own, given] = withoutBackground(request);
    const id = parameters['prediction_id'];
    if (id === undefined) return this.explained(await this.ofRequest(own, deadlineAt), parameters, given, deadlineAt);
    const past = await this.past(String(id), caller, deadlineAt);
    if (past.model !== request.model)
      throw new GyreError('PREDICTION_NOT_FOUND', `prediction ${id} is one of ${past.model}, not of ${request.model}`);
    return this.explained(this.ofPast(past), parameters, given, deadlineAt);
  }

  /** A past prediction by its id alone. */
  async explainPast(id: string, caller: Caller = ANYBODY): Promise<Explained> {
    const { now, limits, admission, table } = this.options;
    admission.count(caller.client);
    const deadlineAt = Math.min(deadlineOf(caller, undefined, now()), now() + limits.deadlineMs);
    const past = await this.past(id, caller, deadlineAt);
    admission.refuseWherePressed(table.serving(past.model, caller.identity).spec.name);
    return this.explained(this.ofPast(past), {}, [], deadlineAt);
  }

  private async explained(
    wanted: Wanted,
    parameters: InferRequest['parameters'],
    given: readonly Tensor[],
    deadlineAt: number,
  ): Promise<Explained> {
    const { limits, thread, table } = this.options;
    const { rows, onnx } = wanted;
    const orders = wholeNumber(parameters, 'orders', ORDERS, 1, 10_000);
    const seed = wholeNumber(parameters, 'seed', 1, 0, 2 ** 31 - 1);
    const background = given.length === 0 ? null : aboutBackground(() => this.backgroundOf(wanted, given));
    const ask = (usual: TensorRows | null) =>
      thread.explain(onnx, () => table.artifact(onnx), {
        rows,
        background: usual,
        orders,
        seed,
        deadlineAt,
        evaluationsMax: limits.evaluationsMax,
      });
    if (background !== null)
      return explainedAnswer({ ...wanted, result: await ask(background) }, 'request', background.rows);
    try {
      return explainedAnswer({ ...wanted, result: await ask(null) }, 'training', null);
    } catch (error) {
      if (!(error instanceof GyreError) || error.code !== 'BACKGROUND_MISSING') throw error;
      const count = wholeNumber(parameters, 'background_rows', BACKGROUND_ROWS, 1, limits.backgroundRowsMax);
      const seen = await this.recentRows(wanted, count, deadlineAt);
      if (seen === null) throw error;
      return explainedAnswer({ ...wanted, result: await ask(seen) }, 'predictions', seen.rows);
    }
  }

  private async ofRequest(request: InferRequest, deadlineAt: number): Promise<Wanted> {
    const { table, now, limits } = this.options;
    const serving = table.serving(request.model);
    const version = chosenVersion(serving, namedVersion(request));
    if (version === null)
      throw new GyreError('NOT_EXPLAINABLE', `no version of ${request.model} serves yet: the fallback has no reasons`);
    const { tensors, spec } = version;
    const of = { model: request.model, version: version.version, onnx: version.onnx, ids: null };
    if (tensors !== null) {
      const what = askedByTensors(request, tensors, now(), limits);
      refuseOptions(of.model, what);
      const rows = { rows: what.rows, values: what.tensors as readonly TensorValue[] };
      return { ...of, ...byTensors(of.model, tensors, rows, version.classes), found: null };
    }
    const what = asked(request, spec.inputs, now(), limits);
    let found: EntityFeatures | null = null;
    if (what.features === null)
      found = await this.lookUp(spec.inputs, what.entities ?? [], what.times ?? what.at, deadlineAt);
    const features = what.features ?? (found as EntityFeatures).features;
    return { ...of, ...bySpec(spec, matrix(features, what.rows, spec.inputs.length)), found };
  }

  private ofPast(past: PastPrediction): Wanted {
    const { id } = past;
    const { table } = this.options;
    if (past.version === null)
      throw new GyreError('NOT_EXPLAINABLE', `prediction ${id} was answered by the fallback, which has no reasons`);
    const serving = table.serving(past.model);
    const onnx = table.artifactOf(past.model, past.version);
    if (onnx === null)
      throw new GyreError('VERSION_NOT_FOUND', `version ${past.version} of ${past.model} is not known any more`);
    const { spec } = serving;
    const of = { model: past.model, version: past.version, onnx, ids: [id], found: null };
    if (spec.imported !== true) {
      const values = Float32Array.from(past.features, (value) => value ?? NaN);
      return { ...of, ...bySpec(spec, matrix(values, 1, past.features.length)) };
    }
    const version = chosenVersion(serving, String(past.version));
    const rows = version?.tensors == null ? null : recordedRows([past], version.tensors.inputs);
    if (version?.tensors == null || rows === null) {
      throw new GyreError(
        'NOT_EXPLAINABLE',
        `the record of prediction ${id} does not hold all that the model saw: it takes text, or more than a record has room for, or optional inputs were brought, or the version is not loaded any more`,
      );
    }
    return { ...of, ...byTensors(past.model, version.tensors, rows, version.classes) };
  }

  /** Whoever may not predict with its model does not learn that it is there. */
  private async past(id: string, { identity }: Caller, deadlineAt: number): Promise<PastPrediction> {
    const { past } = this.options;
    if (past === null)
      throw new GyreError(
        'NOT_READY',
        'past predictions are kept by the feature store; set peers.grpc.feature-store to where it runs',
      );
    const found = await this.recorded(past.find(id, deadlineAt), deadlineAt);
    if (found !== null && identity.may('predictor', found.model)) return found;
    throw new GyreError(
      'PREDICTION_NOT_FOUND',
      `no prediction ${id} is recorded; ids come with answers as prediction_id, and a record takes a moment to arrive`,
    );
  }

  /** The record opens files: it has as long as the explanation, not as long as a look-up of features. */
  private recorded<T>(read: Promise<T>, deadlineAt: number): Promise<T> {
    return inTime(read, deadlineAt - this.options.now(), () => {
      return new GyreError(
        'DEADLINE_EXCEEDED',
        'the record of past predictions was not read within the time that the explanation has',
      );
    });
  }

  private async lookUp(
    inputs: Parameters<typeof lookUp>[1][number]['inputs'],
    entities: readonly string[],
    at: number | readonly number[],
    deadlineAt: number,
  ): Promise<EntityFeatures> {
    const { features, limits, now } = this.options;
    const within = { now: now(), withinMs: limits.featuresDeadlineMs };
    const [found] = features === null ? [] : await lookUp(features, [{ inputs, entities, at, deadlineAt }], within);
    if (Error.isError(found)) throw found;
    if (found === undefined)
      throw new GyreError('FEATURES_UNAVAILABLE', 'no feature store is within reach of this gateway');
    return found;
  }

  private backgroundOf({ model, tensors, spec }: Wanted, given: readonly Tensor[]): TensorRows {
    const { backgroundRowsMax } = this.options.limits;
    let rows: TensorRows;
    if (tensors === null) {
      const inputs = spec?.inputs ?? [];
      const brought = featureRows(given, inputs);
      rows = matrix(brought.features, brought.rows, inputs.length);
    } else {
      const [only] = tensors.inputs;
      const named = given.map((tensor) =>
        tensor.name === MATRIX && only !== undefined ? { ...tensor, name: only.name } : tensor,
      );
      const brought = tensorInputs(named, tensors);
      refuseOptions(model, brought);
      rows = brought;
    }
    if (rows.rows <= backgroundRowsMax) return rows;
    throw new GyreError(
      'EXPLANATION_TOO_LARGE',
      `${model} is compared with ${rows.rows} rows; expected at most ${backgroundRowsMax}`,
    );
  }

  /** What the model was asked of late; null where nothing is recorded that it could take. */
  private async recentRows(
    { model, tensors, rows }: Wanted,
    count: number,
    deadlineAt: number,
  ): Promise<TensorRows | null> {
    const { past } = this.options;
    const recent = past === null ? [] : await this.recorded(past.recent(model, count, deadlineAt), deadlineAt);
    if (tensors !== null) return recordedRows(recent, tensors.inputs);
    const width = (rows.values[0]?.data.length ?? 0) / rows.rows;
    const fitting = recent.filter(({ features }) => features.length === width && features.some((one) => one !== null));
    if (fitting.length === 0) return null;
    const values = Float32Array.from(fitting.flatMap(({ features }) => features.map((value) => value ?? NaN)));
    return matrix(values, fitting.length, width);
  }
}

const ORDERS = 10;
const BACKGROUND_ROWS = 50;
const BACKGROUND = 'background';

/** @throws GyreError NOT_EXPLAINABLE */
function refuseOptions(model: string, { options }: { options: unknown }): void {
  if (options === null) return;
  throw new GyreError('NOT_EXPLAINABLE', `${model} is explained without its optional inputs; leave them out`);
}

/** It comes under the names of the inputs that it is like, and so do the words about it. */
function aboutBackground<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof GyreError
      ? new GyreError(error.code, `of the background: ${error.message}`, error.details)
      : error;
  }
}

function matrix(features: Float32Array, rows: number, width: number): TensorRows {
  return { rows, values: [{ type: 'float32', dims: [rows, width], data: features }] };
}

/** A request, and apart from it the rows that it brings for comparison, under the names of the inputs they are like. */
function withoutBackground(request: InferRequest): [InferRequest, Tensor[]] {
  const inputs = request.inputs.filter(({ name }) => name !== BACKGROUND && !name.startsWith(`${BACKGROUND}.`));
  if (inputs.length === request.inputs.length) return [request, []];
  const background = request.inputs.flatMap((tensor) => {
    if (tensor.name === BACKGROUND) return [{ ...tensor, name: MATRIX }];
    return tensor.name.startsWith(`${BACKGROUND}.`)
      ? [{ ...tensor, name: tensor.name.slice(BACKGROUND.length + 1) }]
      : [];
  });
  return [{ ...request, inputs }, background];
}

/** The features and classes of a model that its spec names. */
function bySpec(spec: ModelInForce, rows: TensorRows) {
  const features = spec.inputs.map(({ view, field }) => `${view}.${field}`);
  return { spec, tensors: null, features, classes: classesOf(spec.label).map(String), rows };
}

/** Those of a model that is asked by its own tensors. @throws GyreError NOT_EXPLAINABLE */
function byTensors(model: string, tensors: TensorModel, rows: TensorRows, classes: readonly LabelValue[]) {
  if (!tensors.rowsIndependent) {
    throw new GyreError(
      'NOT_EXPLAINABLE',
      `${model} does not score rows independently of each other, so none can be compared with others`,
    );
  }
  const features = tensors.inputs.flatMap(({ name }, i) => cellNames(name, rows.values[i] as TensorValue, rows.rows));
  return { spec: null, tensors, features, classes: classes.map(String), rows };
}

/** `name`, or `name[2]` where an input has several values a row. */
function cellNames(name: string, { data }: TensorValue, rows: number): string[] {
  const width = data.length / rows;
  return width === 1 ? [name] : Array.from({ length: width }, (_, f) => `${name}[${f}]`);
}

/** Recorded rows as the tensors that they were; null where the records do not hold them. */
function recordedRows(
  past: readonly PastPrediction[],
  inputs: readonly { name: string; type: TensorValue['type']; shape: readonly (number | string)[] }[],
): TensorRows | null {
  const widths = inputs.map(({ shape }) => shape.slice(1).reduce<number>((size, dim) => size * Number(dim), 1));
  const cells = widths.reduce((sum, width) => sum + width, 0);
  if (!Number.isInteger(cells) || inputs.some(({ type }) => type !== 'float32' && type !== 'float64')) return null;
  const fitting = past.filter(({ features }) => features.length === cells);
  if (fitting.length === 0) return null;
  let first = 0;
  const values = inputs.map(({ type, shape }, i): TensorValue => {
    const width = widths[i] as number;
    const list = fitting.flatMap(({ features }) => features.slice(first, first + width).map((value) => value ?? NaN));
    first += width;
    const data = type === 'float32' ? Float32Array.from(list) : Float64Array.from(list);
    return { type, dims: [fitting.length, ...shape.slice(1).map(Number)], data };
  });
  return { rows: fitting.length, values };
}

function wholeNumber(
  parameters: InferRequest['parameters'],
  name: string,
  absent: number,
  from: number,
  to: number,
): number {
  const given = parameters[name];
  if (given === undefined) return absent;
  const value = typeof given === 'boolean' || given === '' ? NaN : Number(given);
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  const expected = `expected a whole number from ${from} to ${to}`;
  throw new GyreError('BAD_REQUEST', `the parameter ${name} is ${JSON.stringify(given)}; ${expected}`);
}
