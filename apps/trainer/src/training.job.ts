import {
  type Candidate,
  classesOf,
  GyreError,
  type Lifecycle,
  type LifecycleOf,
  type ModelInForce,
  ONNX_DIFFERENCE_MAX,
  topics,
} from '@gyre/contracts';
import { checkDataset, type Dataset } from '@gyre/learning';
import { type Artifacts, isOfSurroundings, type Job, publish } from '@gyre/platform';
import { encodeManifest, type Manifest, MEASURED, onnxMetadata, softwareHere } from './manifest.js';
import { type CandidatePlan, planCandidates, type SplitSettings } from './plan.js';
import { referencesOf, togetherOf } from './reference.js';
import type { TrainingPool } from './training-pool.js';
import { type TrainingRowsReader, UntrainableError } from './training-rows.js';

export type TrainingSetBuilt = LifecycleOf<'TrainingSetBuilt'>;
export type TrainingFinished = LifecycleOf<'TrainingFinished'>;

/** Tries of a run whose store or thread fails, before the run is given up. */
const TRIES_MAX = 3;

/** What a run needs from around it. */
export interface TrainingSurroundings {
  readonly artifacts: Artifacts;
  /** The specs in force. */
  readonly catalog: { model(name: string): ModelInForce | undefined };
  readonly pool: TrainingPool;
  readonly reader: TrainingRowsReader;
  readonly split: SplitSettings;
  /** Told of every run that ended, for metrics and logs. */
  readonly onFinished?: (finished: TrainingFinished, rows: number, seconds: number) => void;
}

/**
 * lifecycle: a training set was built -> challengers -> lifecycle: training has finished, with candidates or with the reason why not.
 *
 * Bad data never throws: the one who asked waits for an answer. What throws is a store or a thread that fails; that is tried again, and in
 * the end is an answer too, so that no run stays under way for ever. A full disk or a store that is away is waited for by the platform.
 */
export function trainingJob(surroundings: TrainingSurroundings): Job<never, Lifecycle> {
  const failures = new Map<string, number>();
  return {
    name: 'trainer.train',
    input: topics.lifecycle,
    wants: (event) => event.type === 'TrainingSetBuilt',
    async perform(records, { signal }) {
      const finished: TrainingFinished[] = [];
      for (const { event } of records) {
        if (event.type !== 'TrainingSetBuilt') continue;
        const began = performance.now();
        const isLast = (failures.get(event.run) ?? 0) >= TRIES_MAX - 1;
        const result = await finishedRun(event, surroundings, signal, isLast).catch((error: unknown) => {
          if (!isOfSurroundings(error)) failures.set(event.run, (failures.get(event.run) ?? 0) + 1);
          throw error;
        });
        failures.delete(event.run);
        surroundings.onFinished?.(result, event.rows, (performance.now() - began) / 1000);
        finished.push(result);
      }
      return { publish: [publish(topics.lifecycle, ...finished)] };
    },
  };
}

async function finishedRun(
  built: TrainingSetBuilt,
  surroundings: TrainingSurroundings,
  signal: AbortSignal,
  isLastTry: boolean,
): Promise<TrainingFinished> {
  const { model, run, occurredAt, request } = built;
  const base = {
    type: 'TrainingFinished' as const,
    model,
    run,
    trigger: request.trigger,
    occurredAt,
    actor: 'trainer',
  };
  try {
    return { ...base, ...(await trainedRun(built, surroundings, signal)), failure: null };
  } catch (error) {
    if (isOfSurroundings(error)) throw error;
    const failure = failureOf(error) ?? (isLastTry ? `it failed ${TRIES_MAX} times: ${messageOf(error)}` : undefined);
    if (failure === undefined || signal.aborted) throw error;
    return { ...base, candidates: [], reference: [], failure, reason: `nothing was trained: ${failure}` };
  }
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : String(error);
}

type Trained = Pick<TrainingFinished, 'candidates' | 'reference' | 'reason'> & Pick<TrainingFinished, 'together'>;

async function trainedRun(
  built: TrainingSetBuilt,
  surroundings: TrainingSurroundings,
  signal: AbortSignal,
): Promise<Trained> {
  const { artifacts, catalog, reader, split } = surroundings;
  const model = catalog.model(built.model);
  if (model === undefined) throw new UntrainableError(`no model named "${built.model}" has been applied`);
  if (built.parityMismatches > 0)
    throw new UntrainableError(
      `${built.parityMismatches} of ${built.rows} rows differ from what serving saw; the model would learn what it will never be shown`,
    );
  if (built.rows < split.rowsMin)
    throw new UntrainableError(
      `the training set has ${built.rows} rows, fewer than the ${split.rowsMin} that a run takes`,
    );
  const data = await reader.read(await artifacts.get(built.data), model.inputs.length);
  const { label, trainers, retraining } = model;
  const classes = label.type === 'regression' ? 1 : label.classes.length;
  const { windows, seed } = built.request;
  const plans = planCandidates(data.rows, {
    task: label.type,
    classes,
    trainers,
    windows,
    holdout: retraining.holdout,
    seed,
    split,
  });
  checkDataset(data, label.type, classes);
  refuseOneLabel(data, plans);

  const results = await Promise.allSettled(
    plans.map((plan) => challenger(plan, data, built, model, surroundings, signal)),
  );
  signal.throwIfAborted();
  const candidates: Candidate[] = [];
  const dropped: string[] = [];
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') candidates.push(result.value);
    else if (result.reason instanceof UntrainableError) dropped.push(`${plans[index]?.name}: ${result.reason.message}`);
    else throw result.reason;
  }
  if (candidates.length === 0) throw new UntrainableError(`no candidate was fit to serve: ${dropped.join('; ')}`);
  candidates.sort((a, b) => lossOf(a) - lossOf(b));
  const reference = referencesOf(data, featuresOf(model));
  return {
    candidates,
    reference,
    together: togetherOf(data, reference, model.drift.seasonality === 'learned'),
    reason: reasonOf(candidates, dropped, plans[0], data.rows),
  };
}

/** Trains, verifies and stores one challenger. @throws UntrainableError if it is not fit to serve, with the reason */
async function challenger(
  plan: CandidatePlan,
  data: Dataset,
  built: TrainingSetBuilt,
  model: ModelInForce,
  { artifacts, pool }: TrainingSurroundings,
  signal: AbortSignal,
): Promise<Candidate> {
  const origin = { model: model.name, features: featuresOf(model), classes: classesOf(model.label), plan };
  const { onnx, onnxDifferenceMax, rounds, metrics, baseline } = await pool.train(
    { data, plan, metadata: onnxMetadata(origin) },
    signal,
  );
  if (!(typeof metrics['loss'] === 'number')) throw new UntrainableError('its loss on the holdout is not a number');
  if (onnxDifferenceMax > ONNX_DIFFERENCE_MAX) {
    throw new UntrainableError(
      `ONNX and trainer differ by ${onnxDifferenceMax.toPrecision(3)} on the holdout, more than ${ONNX_DIFFERENCE_MAX}`,
    );
  }
  const { model: name, ...rest } = origin;
  const { rows, data: parquet, manifest: setManifest, digest, run } = built;
  const manifest: Manifest = {
    format: 1,
    model: name,
    run,
    ...rest,
    trainingSet: { data: parquet, manifest: setManifest, digest, rows },
    rounds,
    measured: MEASURED,
    metrics,
    baseline,
    onnx: await artifacts.put(onnx),
    onnxDifferenceMax,
    software: softwareHere(),
  };
  return {
    name: plan.name,
    trainer: plan.trainer.kind,
    trainingRows: plan.final.to - plan.final.from,
    onnx: manifest.onnx,
    manifest: await artifacts.put(encodeManifest(manifest)),
    metrics,
    baseline,
    onnxDifferenceMax,
  };
}

function refuseOneLabel(data: Dataset, plans: readonly CandidatePlan[]): void {
  const end = plans[0]?.holdout.from ?? 0;
  const first = data.labels[0];
  for (let row = 1; row < end; row++) if (data.labels[row] !== first) return;
  const what = plans[0]?.task === 'regression' ? `have the value ${first}` : `are of one class (${first})`;
  throw new UntrainableError(`all ${end} labels before the holdout ${what}: there is nothing to learn`);
}

/** In words, for what another try would not cure; undefined for what it might. */
function failureOf(error: unknown): string | undefined {
  if (error instanceof UntrainableError || error instanceof RangeError) return error.message;
  if (error instanceof GyreError && !['INTERNAL', 'NOT_READY'].includes(error.code)) return error.message;
  return undefined;
}

function featuresOf(model: ModelInForce): string[] {
  return model.inputs.map(({ view, field }) => `${view}.${field}`);
}

function lossOf(candidate: Candidate): number {
  return candidate.metrics['loss'] ?? Infinity;
}

function reasonOf(
  candidates: readonly Candidate[],
  dropped: readonly string[],
  plan: CandidatePlan | undefined,
  rows: number,
): string {
  const [best] = candidates;
  const holdoutRows = plan === undefined ? 0 : plan.holdout.to - plan.holdout.from;
  const trivial = plan?.task === 'regression' ? 'always answering the mean' : 'always answering the class shares';
  const sentence =
    `trained ${candidates.length} of ${candidates.length + dropped.length} challengers on ${rows} rows; the best, ${best?.name}, loses ${figure(best?.metrics['loss'])} ` +
    `on the newest ${holdoutRows} rows, ${trivial} ${figure(best?.baseline['loss'])}`;
  return dropped.length === 0 ? sentence : `${sentence}; dropped: ${dropped.join('; ')}`;
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? 'nothing measurable' : value.toPrecision(3);
}
