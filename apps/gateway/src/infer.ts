import { GyreError, type ModelInForce, type OnlineFeatures } from '@gyre/contracts';
import type { Admission } from './admission.js';
import { checkOutputs, fallbackOutput, inferAnswer } from './answer.js';
import { batches, scoreBatch, type Scores } from './batch.js';
import { ANYBODY, deadlineOf, type Caller } from './caller.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';
import { lookUp, type EntityFeatures, type EntityQuery } from './entity-features.js';
import { FailureRecords, type Failed } from './failure-records.js';
import type { GatewayMetrics } from './gateway.metrics.js';
import { asked, askedByTensors, type Asked, type RequestLimits } from './infer-request.js';
import type { InferAnswer, InferRequest } from './oip.js';
import { predictedEvents, predictionIds, type Answered, type FallbackReason } from './prediction.js';
import type { PredictionLog } from './prediction-log.js';
import type { ServedVersion } from './served-version.js';
import { outputTensors, type TensorModel } from './tensor-request.js';
import { chosenVersion, type Serving, type ServingTable } from './serving.js';

export interface InferenceOptions {
  table: Pick<ServingTable, 'serving'>;
  log: Pick<PredictionLog, 'append'>;
  /** Null where this process reaches no feature store: requests by entity get the fallback. */
  features: Pick<OnlineFeatures, 'get'> | null;
  metrics: GatewayMetrics;
  admission: Admission;
  limits: RequestLimits & { maxBatchSize: number; maxQueueDelayMicros: number; rowsInFlightMax: number };
  /** UTC milliseconds. */
  now: () => number;
}

/** A request on its way. It holds the versions that score it in memory. */
interface Pending {
  request: InferRequest;
  asked: Asked;
  serving: Serving;
  /** Null: the fallback answers. */
  version: ServedVersion | null;
  /** Of the version that answers, or of the model where none does. */
  spec: ModelInForce;
  /** Scored beside it. */
  shadows: readonly ServedVersion[];
  found: EntityFeatures | null;
  features: Float32Array | null;
  caller: Caller;
  /** Until when it is worth working on, UTC milliseconds. */
  deadlineAt: number;
  /** The limit that it is under way in. */
  entry: ConcurrencyLimit;
  /** performance.now() */
  begun: number;
  /** performance.now() since which it has waited for this process alone. */
  waitingSince: number;
  resolve: (answer: InferAnswer) => void;
  reject: (error: unknown) => void;
}

/** A batch that is through. */
interface Concluded {
  batch: readonly Pending[];
  /** Null: the fallback answers. */
  scores: Scores | null;
  /** Why the fallback answers where there is no score, or one that is no number. */
  reason: FallbackReason;
}

/**
 * Answers inference requests, whatever transport they came by.
 *
 * The requests of one turn of the event loop are looked up, scored and recorded together when the turn ends: no timer, so that a single
 * request waits for nobody. Their records are in the prediction log before any answer leaves, the shadows' scores in them.
 */
export class Inference {
  private pending: Pending[] = [];
  private rowsInFlight = 0;
  /** Versions in another thread that run a batch, each with the requests that have come since: they make the next one. */
  private readonly busy = new Map<ServedVersion, Pending[]>();
  private readonly failures: FailureRecords;

  constructor(private readonly options: InferenceOptions) {
    this.failures = new FailureRecords(options.log, options.now);
  }

  /**
   * @param read makes the request of what came; a broken one is counted like any failure
   * @throws GyreError by rejection: what `read` throws, MODEL_NOT_FOUND, VERSION_NOT_FOUND, FEATURES_MISMATCHED, BAD_REQUEST, OVERLOADED,
   *   RATE_LIMITED, DEADLINE_EXCEEDED, CANCELLED, and where the spec refuses a fallback NOT_READY, FEATURES_UNAVAILABLE
   */
  infer(read: () => InferRequest, caller: Caller = ANYBODY): Promise<InferAnswer> {
    return new Promise((resolve, reject) => {
      let model = '';
      try {
        const request = read();
        model = request.model;
        this.accept(request, caller, resolve, reject);
      } catch (error) {
        this.options.metrics.failed(error);
        if (error instanceof GyreError && TURNED_AWAY.has(error.code)) this.failures.turnedAway(model, error.code);
        reject(error as Error);
      }
    });
  }

  /** Records how many were turned away so far. */
  countShed(): void {
    this.failures.flush();
  }

  private accept(request: InferRequest, caller: Caller, resolve: Pending['resolve'], reject: Pending['reject']): void {
    const { table, now, limits, admission } = this.options;
    const serving = table.serving(request.model);
    const version = chosenVersion(serving, request.version);
    const { spec } = version ?? serving;
    if (spec.imported === true && version === null) throw refusal(spec.name, 'no-version');
    const tensors = version?.tensors ?? null;
    const what =
      tensors === null ? asked(request, spec.inputs, now(), limits) : askedByTensors(request, tensors, now(), limits);
    checkOutputs(request, tensors ?? spec.label);
    if (this.rowsInFlight + what.rows > limits.rowsInFlightMax) {
      throw new GyreError(
        'OVERLOADED',
        `${this.rowsInFlight} rows are being scored; the limit is ${limits.rowsInFlightMax}, try again later`,
      );
    }
    const deadlineAt = deadlineOf(caller, request.parameters['timeout'], now());
    const entry = admission.admit(spec.name, caller.client);
    this.rowsInFlight += what.rows;
    const shadows = version !== null && version === serving.answering ? serving.shadows : NO_SHADOWS;
    version?.hold();
    for (const shadow of shadows) shadow.hold();
    const { features } = what;
    const begun = performance.now();
    this.pending.push({
      request,
      asked: what,
      serving,
      version,
      spec,
      shadows,
      found: null,
      features,
      ...{ caller, deadlineAt, entry, begun, waitingSince: begun },
      resolve,
      reject,
    });
    if (this.pending.length === 1) setImmediate(() => this.flushWhenDue(begun));
  }

  /** At the end of the turn; or, where the settings grant others time to come, when that is over or a batch is full. */
  private flushWhenDue(since: number): void {
    const { maxQueueDelayMicros, maxBatchSize } = this.options.limits;
    const leftMs = maxQueueDelayMicros / 1_000 - (performance.now() - since);
    if (maxQueueDelayMicros === 0 || leftMs <= 0) return this.flush();
    if (this.pending.reduce((rows, { asked }) => rows + asked.rows, 0) >= maxBatchSize) return this.flush();
    // Timers count whole milliseconds: what is shorter is waited for turn by turn.
    if (leftMs > 1) setTimeout(() => this.flushWhenDue(since), Math.floor(leftMs));
    else setImmediate(() => this.flushWhenDue(since));
  }

  private flush(): void {
    const turn = this.worthwhile(this.pending);
    this.pending = [];
    const byEntity = turn.filter(isByEntity);
    if (byEntity.length === 0) return this.score(turn);
    void this.findFeatures(byEntity);
    this.score(turn.filter((p) => !isByEntity(p)));
  }

  private async findFeatures(turn: readonly Pending[]): Promise<void> {
    const { features, metrics } = this.options;
    const queries = turn.map((p): EntityQuery => ({
      inputs: p.spec.inputs,
      entities: p.asked.entities ?? [],
      at: p.asked.at,
    }));
    const found = features === null ? [] : await lookUp(features, queries);
    const taken = turn.filter((p, i) => {
      const answer = found[i];
      if (answer instanceof Error) metrics.lookUpFailed(answer);
      // What another time would not change is the caller's to know.
      if (answer instanceof GyreError && answer.code !== 'FEATURES_UNAVAILABLE') {
        this.fail([p], answer);
        return false;
      }
      if (answer === undefined || answer instanceof Error) return true;
      p.found = answer;
      p.features = answer.features;
      return true;
    });
    const now = performance.now();
    for (const p of taken) p.waitingSince = now;
    this.score(this.worthwhile(taken));
  }

  /** Those that somebody waits for and that can be through in time: the others fail here, before anything is begun for them. */
  private worthwhile(turn: readonly Pending[]): Pending[] {
    const now = this.options.now();
    return turn.filter((p) => {
      const problem = tooLate(p, now);
      if (problem !== null) this.fail([p], problem);
      return problem === null;
    });
  }

  /** Scores batches of one version each. Those whose models run on this thread are through when it returns, recorded with one write. */
  private score(turn: readonly Pending[]): void {
    const { limits, metrics } = this.options;
    const through: Concluded[] = [];
    for (const batch of batches(turn, limits.maxBatchSize)) {
      const { version, shadows, features, asked } = batch[0] as Pending;
      if (version === null || (features === null && asked.tensors === null)) {
        through.push({ batch, scores: null, reason: version === null ? 'no-version' : 'features-unavailable' });
        continue;
      }
      const waiting = this.busy.get(version);
      if (waiting !== undefined) {
        waiting.push(...batch);
        continue;
      }
      let problem: Error | null = null;
      const began = performance.now();
      const scores = scoreBatch(version, shadows, batch, (error, failed) => {
        if (failed === version) problem = error;
        if (!isInputs(error)) metrics.runFailed(failed.spec.name, failed.version, error);
      });
      const end = (found: Scores | null): readonly Concluded[] =>
        isInputs(problem) ? this.refuseInputs(batch, problem) : [concluded(batch, found)];
      if (scores instanceof Promise) {
        this.busy.set(version, []);
        void scores.then((late) => {
          noteRun(batch, version, began);
          const next = this.busy.get(version) ?? [];
          this.busy.delete(version);
          // The next batch runs while this one's answers are written.
          this.score(this.worthwhile(next));
          this.conclude(end(late));
        });
        continue;
      }
      noteRun(batch, version, began);
      through.push(...end(scores));
    }
    this.conclude(through);
  }

  /**
   * Inputs that a model cannot take although they are of its shape, such as an index beyond its table: alone, they are the caller's to know; among
   * others, each is asked again by itself, so that nobody suffers for them.
   */
  private refuseInputs(batch: readonly Pending[], problem: GyreError): readonly Concluded[] {
    if (batch.length === 1) this.fail(batch, problem);
    else for (const pending of batch) this.score([pending]);
    return [];
  }

  private conclude(through: readonly Concluded[]): void {
    const answers: { pending: Pending; answered: Answered }[] = [];
    for (const { batch, scores, reason } of through) {
      if (scores !== null) this.options.metrics.scored(scores.rows);
      let row = 0;
      for (const pending of batch) {
        const answered = (scores === null ? null : byModel(pending, scores, row)) ?? byFallback(pending, reason);
        row += pending.asked.rows;
        if (answered === null) this.fail([pending], refusal(pending.spec.name, reason));
        else answers.push({ pending, answered });
      }
    }
    if (answers.length === 0) return;
    try {
      this.options.log.append(answers.flatMap(({ answered }) => predictedEvents(answered)));
    } catch (error) {
      return this.fail(
        answers.map(({ pending }) => pending),
        error,
      );
    }
    for (const { pending, answered } of answers) {
      this.free(pending);
      this.options.metrics.answered(pending.spec.name, answered.fallback);
      pending.resolve(inferAnswer(pending.request, answered));
    }
  }

  private fail(failed: readonly Pending[], error: unknown): void {
    const code = error instanceof GyreError ? error.code : 'INTERNAL';
    // A log that is full takes no record of its being full.
    if (code === 'OVERLOADED') for (const { spec } of failed) this.failures.turnedAway(spec.name, code);
    else this.failures.failed(failed.map(aboutFailed), code);
    for (const pending of failed) {
      this.free(pending);
      this.options.metrics.failed(error);
      pending.reject(error);
    }
  }

  private free(pending: Pending): void {
    this.rowsInFlight -= pending.asked.rows;
    pending.entry.leave();
    pending.version?.release();
    for (const shadow of pending.shadows) shadow.release();
    this.options.metrics.took(performance.now() - pending.begun);
  }
}

function isInputs(error: Error | null): error is GyreError {
  return error instanceof GyreError && error.code === 'FEATURES_MISMATCHED';
}

function isByEntity({ asked, features }: Pending): boolean {
  return features === null && asked.tensors === null;
}

function concluded(batch: readonly Pending[], scores: Scores | null): Concluded {
  return { batch, scores, reason: scores === null ? 'run-failed' : 'not-finite' };
}

/** Notes how long a batch ran, and how long its first request waited for that. @param began performance.now() */
function noteRun(batch: readonly Pending[], version: ServedVersion, began: number): void {
  const { entry, waitingSince } = batch[0] as Pending;
  const now = performance.now();
  version.ran(now - began);
  entry.waited(began - waitingSince, now);
}

const NO_SHADOWS: readonly ServedVersion[] = [];
/** Of an answer that a record cannot hold. */
const NO_SCORES = new Float32Array(0);
/** Refused at the door: counted, not recorded one by one. */
const TURNED_AWAY: ReadonlySet<string> = new Set(['OVERLOADED', 'RATE_LIMITED']);

function aboutFailed({ spec, asked, request, version, serving }: Pending): Failed {
  const { at, entities } = asked;
  const entity = entities?.[0] ?? null;
  return {
    model: spec.name,
    at,
    request: request.id,
    entity,
    version: version?.version ?? null,
    rollout: serving.rollout,
  };
}

function tooLate({ caller, deadlineAt, version, spec }: Pending, now: number): GyreError | null {
  if (caller.cancelled) return new GyreError('CANCELLED', 'the client went away before its answer was there');
  const runMs = version?.runMs ?? 0;
  if (now + runMs < deadlineAt) return null;
  const missing = Math.ceil(now + runMs - deadlineAt);
  return new GyreError(
    'DEADLINE_EXCEEDED',
    now >= deadlineAt
      ? `the deadline passed ${missing} ms before ${spec.name} could be run`
      : `a run of ${spec.name} takes about ${runMs.toFixed(1)} ms, ${missing} ms too long for the deadline; it was not begun`,
  );
}

/**
 * Null where the model's answer is no finite number: other requests of the batch are not to suffer for it.
 * @param from the request's first row in the batch
 */
function byModel(pending: Pending, scores: Scores, from: number): Answered | null {
  const { rows } = pending.asked;
  const version = pending.version as ServedVersion;
  const cut = (values: Float32Array): Float32Array => {
    const width = values.length / scores.rows;
    return values.subarray(from * width, (from + rows) * width);
  };
  const output = cut(scores.output);
  const finite = output.every(Number.isFinite);
  if (!finite && scores.tensors === null) return null;
  const shadows = scores.shadows.flatMap((shadow) => {
    const theirs = cut(shadow.output);
    return theirs.every(Number.isFinite) ? [{ version: shadow.version, output: theirs }] : [];
  });
  const tensors =
    scores.tensors === null ? null : outputTensors(scores.tensors, version.tensors as TensorModel, from, rows);
  return {
    ...pending,
    ids: idsOf(pending),
    version: version.version,
    fallback: null,
    output: finite ? output : NO_SCORES,
    tensors,
    shadows,
  };
}

/** Null where the spec would rather have no answer than its fallback. */
function byFallback(pending: Pending, reason: FallbackReason): Answered | null {
  const one = fallbackOutput(pending.spec);
  if (one === null) return null;
  const output = new Float32Array(one.length * pending.asked.rows);
  for (let at = 0; at < output.length; at += one.length) output.set(one, at);
  return { ...pending, ids: idsOf(pending), version: null, fallback: reason, output, tensors: null, shadows: [] };
}

function idsOf({ spec, asked, request }: Pending): string[] {
  return predictionIds(spec.name, asked, request.parameters['time'] === undefined ? '' : request.id);
}

function refusal(model: string, reason: FallbackReason): GyreError {
  if (reason === 'features-unavailable') {
    return new GyreError(
      'FEATURES_UNAVAILABLE',
      `the entity's features cannot be had now, and ${model} refuses a fallback; try again later`,
    );
  }
  const why = reason === 'no-version' ? 'has no version that can answer yet' : 'failed to run';
  return new GyreError('NOT_READY', `${model} ${why}, and its spec refuses a fallback; try again later`);
}
