import { GyreError, type OnlineFeatures, type Predicted } from '@gyre/contracts';
import type { Admission } from './admission.js';
import { checkOutputs, inferAnswer } from './answer.js';
import { batches, RowsMerged, scoreBatch, type Scores } from './batch.js';
import { ANYBODY, deadlineOf, type Caller } from './caller.js';
import { lookUp, type EntityQuery } from './entity-features.js';
import { Failures, type Failure } from './failures.js';
import type { GatewayMetrics } from './gateway.metrics.js';
import { asked, askedByTensors, type RequestLimits } from './infer-request.js';
import type { InferAnswer, InferRequest } from './oip.js';
import {
  byFallback,
  byModel,
  goesOn,
  isByEntity,
  isCallers,
  lacksFeatures,
  noteRun,
  refusal,
  type Pending,
} from './pending.js';
import { predictedEvents, type Answered, type FallbackReason } from './prediction.js';
import type { PredictionLog } from './prediction-log.js';
import { insteadOf, route, shadowsBeside } from './routing.js';
import type { ServedVersion } from './served-version.js';
import type { ServingTable } from './serving.js';
import { Shadowing, type ScoredLater } from './shadowing.js';

export interface InferenceOptions {
  table: Pick<ServingTable, 'serving'>;
  log: Pick<PredictionLog, 'append' | 'shadows'>;
  /** Null where this process reaches no feature store: requests by entity get the fallback. */
  features: Pick<OnlineFeatures, 'get'> | null;
  metrics: GatewayMetrics;
  admission: Admission;
  limits: RequestLimits & { shadowRowsMax: number } & {
    maxBatchSize: number;
    maxQueueDelayMicros: number;
    rowsInFlightMax: number;
    featuresDeadlineMs: number;
  };
  /** UTC milliseconds. */
  now: () => number;
}

/** A batch that is through. */
interface Concluded {
  batch: readonly Pending[];
  /** Null: the fallback answers. */
  scores: Scores | null;
  /** Why the fallback answers where there is no score, or one that is no number. */
  reason: FallbackReason;
}

const PREDICTORS = ['predictor'] as const;

/**
 * Answers inference requests, whatever transport they came by.
 *
 * The requests of one turn of the event loop are looked up, scored and recorded together when the turn ends: no timer, so that a single
 * request waits for nobody. Their records are in the prediction log before any answer leaves; the shadows are scored when it has
 * left. Where a version fails, the champion answers, else the previous version, else the spec's fallback.
 */
export class Inference {
  private pending: Pending[] = [];
  private pendingRows = 0;
  private rowsInFlight = 0;
  /** Versions in another thread that run a batch, each with the requests that have come since: they make the next one. */
  private readonly busy = new Map<ServedVersion, Pending[]>();
  private readonly failures: Failures;
  private readonly shadowing: Shadowing;

  constructor(private readonly options: InferenceOptions) {
    const { log, metrics, limits, now } = options;
    this.failures = new Failures({ log, metrics, now, free: (pending) => this.free(pending) });
    this.shadowing = new Shadowing({
      log,
      rowsMax: limits.shadowRowsMax,
      batchRowsMax: limits.maxBatchSize,
      covered: (model, result, rows) => metrics.shadowed(model, result, rows),
      failed: (error, version) => metrics.runFailed(version.spec.name, version.version, error),
    });
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
        this.failures.refused(model, error);
        reject(error as Error);
      }
    });
  }

  /** Records how many were turned away so far. */
  countShed(): void {
    this.failures.countShed();
  }

  private accept(request: InferRequest, caller: Caller, resolve: Pending['resolve'], reject: Pending['reject']): void {
    const { table, now, limits, admission } = this.options;
    // Before anything tells whether there is such a model.
    caller.identity.require(PREDICTORS, request.model);
    const serving = table.serving(request.model, caller.identity);
    const routed = route(serving, request);
    const { version } = routed;
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
    version?.hold();
    const { features } = what;
    const begun = performance.now();
    this.pending.push({
      request,
      asked: what,
      serving,
      version,
      spec,
      route: routed.route,
      instead: insteadOf(serving, routed),
      failedFor: null,
      found: null,
      features,
      caller,
      deadlineAt,
      entry,
      begun,
      waitingSince: begun,
      resolve,
      reject,
    });
    this.pendingRows += what.rows;
    const first = this.pending[0]?.begun as number;
    const isFull = limits.maxQueueDelayMicros > 0 && this.pendingRows >= limits.maxBatchSize;
    if (this.pending.length === 1 || (isFull && this.pendingRows - what.rows < limits.maxBatchSize))
      setImmediate(() => this.flushWhenDue(first));
  }

  /** At the end of the turn; or, where the settings grant others time to come, when that is over or a batch is full. */
  private flushWhenDue(since: number): void {
    const { maxQueueDelayMicros, maxBatchSize } = this.options.limits;
    // They went when they were a batch.
    if (this.pending[0]?.begun !== since) return;
    const leftMs = maxQueueDelayMicros / 1_000 - (performance.now() - since);
    if (maxQueueDelayMicros === 0 || leftMs <= 0) return this.flush();
    if (this.pendingRows >= maxBatchSize) return this.flush();
    // Timers count whole milliseconds: what is shorter is waited for turn by turn.
    if (leftMs > 1) setTimeout(() => this.flushWhenDue(since), Math.floor(leftMs));
    else setImmediate(() => this.flushWhenDue(since));
  }

  private flush(): void {
    const turn = this.failures.worthwhile(this.pending);
    this.pending = [];
    this.pendingRows = 0;
    const byEntity = turn.filter(isByEntity);
    if (byEntity.length === 0) return this.score(turn);
    void this.findFeatures(byEntity);
    this.score(turn.filter((p) => !isByEntity(p)));
  }

  private async findFeatures(turn: readonly Pending[]): Promise<void> {
    const { features, metrics, limits, now } = this.options;
    const queries = turn.map((p): EntityQuery => ({
      inputs: p.spec.inputs,
      entities: p.asked.entities ?? [],
      at: p.asked.times ?? p.asked.at,
      deadlineAt: p.deadlineAt,
    }));
    const within = { now: now(), withinMs: limits.featuresDeadlineMs };
    const found = features === null ? [] : await lookUp(features, queries, within);
    const failed: Failure[] = [];
    const taken = turn.filter((p, i) => {
      const answer = found[i];
      if (Error.isError(answer)) metrics.lookUpFailed(answer);
      // What another time would not change is the caller's to know.
      if (answer instanceof GyreError && answer.code !== 'FEATURES_UNAVAILABLE') {
        failed.push({ pending: p, error: answer });
        return false;
      }
      if (answer === undefined || Error.isError(answer)) return true;
      p.found = answer;
      p.features = answer.features;
      return true;
    });
    this.failures.fail(failed);
    const foundAt = performance.now();
    for (const p of taken) p.waitingSince = foundAt;
    const going = this.failures.worthwhile(taken);
    this.score(going.filter((p) => !lacksFeatures(p)));
    this.conclude(
      going.filter(lacksFeatures).map((p) => ({ batch: [p], scores: null, reason: 'features-missing' as const })),
    );
  }

  /** Scores batches of one version each. Those whose models run on this thread are through when it returns, recorded with one write. */
  private score(turn: readonly Pending[]): void {
    const { limits, metrics } = this.options;
    const through: Concluded[] = [];
    for (const batch of batches(turn, limits.maxBatchSize)) {
      const { version, features, asked } = batch[0] as Pending;
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
      const scores = scoreBatch(version, batch, limits.maxBatchSize, (error, failed) => {
        problem = error;
        if (!isCallers(error)) metrics.runFailed(failed.spec.name, failed.version, error);
      });
      const end = (found: Scores | null): readonly Concluded[] =>
        isCallers(problem) || problem instanceof RowsMerged ? this.apart(batch, problem) : [concluded(batch, found)];
      if (scores instanceof Promise) {
        // One that runs on the loop has turns between parts of a large request, in which others are scored.
        if (version.runsOn !== 'loop') this.busy.set(version, []);
        void scores.then((late) => {
          noteRun(batch, version, began, metrics, this.options.now());
          const next = this.busy.get(version) ?? [];
          this.busy.delete(version);
          // The next batch runs while this one's answers are written.
          this.score(this.failures.worthwhile(next));
          this.conclude(end(late));
        });
        continue;
      }
      noteRun(batch, version, began, metrics, this.options.now());
      through.push(...end(scores));
    }
    this.conclude(through);
  }

  /**
   * A batch that failed of its requests. Where they cannot be told apart they are asked one by one. Inputs that a model cannot take although they are of its
   * shape, such as an index beyond its table, are looked for half by half, so that nobody suffers for others'. They are the caller's to know; but where
   * only a share of the requests goes to the version, the others' would have been answered, and so is this one.
   */
  private apart(batch: readonly Pending[], problem: Error): readonly Concluded[] {
    if (problem instanceof RowsMerged) this.score(batch);
    else if (batch.length > 1) {
      const half = batch.length >> 1;
      for (const some of [batch.slice(0, half), batch.slice(half)]) {
        // They may have to wait, and are not put together with others then.
        const part = {};
        for (const pending of some) pending.part = part;
        this.score(some);
      }
    } else {
      const { route: by, instead, version, spec } = batch[0] as Pending;
      if ((by === 'canary' || by === 'split') && instead.length > 0) {
        this.options.metrics.runFailed(spec.name, version?.version ?? 0, problem);
        return [concluded(batch, null)];
      }
      this.failures.fail([{ pending: batch[0] as Pending, error: problem }]);
    }
    return [];
  }

  private conclude(through: readonly Concluded[]): void {
    const again: Pending[] = [];
    const failed: Failure[] = [];
    const answers: { pending: Pending; answered: Answered; shadows: readonly ServedVersion[] }[] = [];
    let planned = 0;
    for (const { batch, scores, reason } of through) {
      if (scores !== null) this.options.metrics.scored(scores.rows);
      const [first] = batch as [Pending];
      const shadows = scores === null ? NO_SHADOWS : this.shadowsFor(first, scores.rows, planned);
      if (shadows.length > 0) planned += scores?.rows ?? 0;
      let row = 0;
      for (const pending of batch) {
        const byVersion = scores === null ? null : byModel(pending, scores, row);
        row += pending.asked.rows;
        if (byVersion !== null) answers.push({ pending, answered: byVersion, shadows });
        else if (goesOn(pending, reason)) again.push(pending);
        else {
          const answered = byFallback(pending, pending.failedFor ?? reason);
          if (answered === null) failed.push({ pending, error: refusal(pending.spec.name, reason) });
          else answers.push({ pending, answered, shadows: NO_SHADOWS });
        }
      }
    }
    this.failures.fail(failed);
    if (again.length > 0) this.score(this.failures.worthwhile(again));
    if (answers.length > 0) this.answer(answers);
  }

  /** None where they are shed: the first thing to go when there is too much to do. */
  private shadowsFor(first: Pending, rows: number, planned: number): readonly ServedVersion[] {
    const { serving, version, route: by, failedFor, entry } = first;
    const shadows = failedFor === null ? shadowsBeside(serving, { version, route: by }) : NO_SHADOWS;
    if (shadows.length === 0 || this.shadowing.hasRoom(planned + rows, entry.pressed)) return shadows;
    this.options.metrics.shadowed(first.spec.name, 'shed', rows * shadows.length);
    return NO_SHADOWS;
  }

  /** Records, answers, and then has the shadows scored. */
  private answer(
    answers: readonly { pending: Pending; answered: Answered; shadows: readonly ServedVersion[] }[],
  ): void {
    const events: Predicted[] = [];
    const awaits: boolean[] = [];
    const places: number[] = [];
    for (const { answered, shadows } of answers) {
      places.push(events.length);
      for (const event of predictedEvents(answered)) {
        events.push(event);
        awaits.push(shadows.length > 0);
      }
    }
    let first: number | null;
    try {
      first = this.options.log.append(events, (i) => awaits[i] === true);
    } catch (error) {
      return this.failures.fail(answers.map(({ pending }) => ({ pending, error })));
    }
    const later = new Map<readonly ServedVersion[], ScoredLater[]>();
    answers.forEach(({ pending, answered, shadows }, i) => {
      if (first !== null && shadows.length > 0) {
        const { asked, serving, version, features } = pending;
        const requests = later.get(shadows) ?? [];
        requests.push({ asked, serving, version, features, sequence: first + (places[i] as number) });
        later.set(shadows, requests);
      }
      const { metrics } = this.options;
      metrics.answered(pending.spec.name, answered.fallback, answered.route);
      metrics.triton.answered(pending.spec.name, answered.version ?? 0, performance.now() - pending.begun);
      if (answered.serving.lastKnown) metrics.answeredOnLastKnown(pending.spec.name);
      pending.resolve(inferAnswer(pending.request, answered));
    });
    for (const [shadows, requests] of later) {
      for (const group of batches(requests, this.options.limits.maxBatchSize)) this.shadowing.later(shadows, group);
    }
    for (const { pending } of answers) this.free(pending);
  }

  private free(pending: Pending): void {
    this.rowsInFlight -= pending.asked.rows;
    pending.entry.leave();
    pending.version?.release();
    this.options.metrics.took(performance.now() - pending.begun);
  }
}

const NO_SHADOWS: readonly ServedVersion[] = [];

function concluded(batch: readonly Pending[], scores: Scores | null): Concluded {
  return { batch, scores, reason: scores === null ? 'run-failed' : 'not-finite' };
}
