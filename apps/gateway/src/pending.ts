import { GyreError, type ModelInForce } from '@gyre/contracts';
import type { Scores } from './batch.js';
import type { Caller } from './caller.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';
import type { EntityFeatures } from './entity-features.js';
import type { Failed } from './failure-records.js';
import { fallbackOf } from './fallback.js';
import type { GatewayMetrics } from './gateway.metrics.js';
import type { Asked } from './infer-request.js';
import type { InferAnswer, InferRequest } from './oip.js';
import { predictionIds, type Answered, type FallbackReason } from './prediction.js';
import type { Route } from './routing.js';
import type { ServedVersion } from './served-version.js';
import type { Serving } from './serving.js';
import { outputTensors, type TensorModel } from './tensor-request.js';

/** A request on its way. It holds the versions that score it in memory. */
export interface Pending {
  request: InferRequest;
  asked: Asked;
  serving: Serving;
  /** Null: the fallback answers. */
  version: ServedVersion | null;
  /** Of the version that answers, or of the model where none does. */
  spec: ModelInForce;
  route: Route;
  /** Versions that may answer where this one fails, in order. */
  instead: ServedVersion[];
  /** Why one of those answers; null while the first one may. */
  failedFor: FallbackReason | null;
  found: EntityFeatures | null;
  features: Float32Array | null;
  caller: Caller;
  /** Until when it is worth working on, UTC milliseconds. */
  deadlineAt: number;
  /** Of those that failed together and are tried apart: whom it stays together with. */
  part?: object;
  /** The limit that it is under way in. */
  entry: ConcurrencyLimit;
  /** performance.now() */
  begun: number;
  /** performance.now() since which it has waited for this process alone. */
  waitingSince: number;
  resolve: (answer: InferAnswer) => void;
  reject: (error: unknown) => void;
}

/** Whether a run failed of what its request asked for: that is the caller's to know. */
export function isCallers(error: Error | null): error is GyreError {
  return error instanceof GyreError && CALLERS.has(error.code);
}
const CALLERS: ReadonlySet<string> = new Set(['FEATURES_MISMATCHED', 'RUN_TOO_LARGE', 'DEADLINE_EXCEEDED']);

export function isByEntity({ asked, features }: Pending): boolean {
  return features === null && asked.tensors === null;
}

/** Whether features were found missing or stale, and the spec does not want the model to answer without them. */
export function lacksFeatures({ spec, found }: Pending): boolean {
  if (found === null || (found.status !== 'missing' && found.status !== 'stale')) return false;
  return spec.whenMissing === 'fallback' || spec.whenMissing === 'refuse';
}

export function aboutFailed({ spec, asked, request, version, serving }: Pending, code: string): Failed {
  const { at, entities } = asked;
  const entity = entities?.[0] ?? null;
  return {
    model: spec.name,
    at,
    request: request.id,
    entity,
    version: version?.version ?? null,
    rollout: serving.rollout,
    code,
  };
}

export function tooLate({ asked, caller, deadlineAt, version, spec }: Pending, now: number): GyreError | null {
  if (caller.cancelled) return new GyreError('CANCELLED', 'the client went away before its answer was there');
  if (deadlineAt === Infinity) return null;
  const runMs = version?.runTimes.atLeastMs(asked.rows, now) ?? 0;
  if (now + runMs < deadlineAt) return null;
  const missing = Math.ceil(now + runMs - deadlineAt);
  return new GyreError(
    'DEADLINE_EXCEEDED',
    now >= deadlineAt
      ? `the deadline passed ${missing} ms before ${spec.name} could be run`
      : `a run of ${spec.name} takes at least ${runMs.toFixed(1)} ms, ${missing} ms too long for the deadline; it was not begun`,
  );
}

/**
 * Null where the model's answer is no finite number: other requests of the batch are not to suffer for it.
 * @param from the request's first row in the batch
 */
export function byModel(pending: Pending, scores: Scores, from: number): Answered | null {
  const { rows } = pending.asked;
  const version = pending.version as ServedVersion;
  const cut = (values: Float32Array): Float32Array => {
    const width = values.length / scores.rows;
    return values.subarray(from * width, (from + rows) * width);
  };
  const output = cut(scores.output);
  const finite = output.every(Number.isFinite);
  if (!finite && scores.tensors === null) return null;
  const part = { from, rows, isAlone: rows === scores.rows };
  const tensors = scores.tensors === null ? null : outputTensors(scores.tensors, version.tensors as TensorModel, part);
  return {
    ...pending,
    ids: idsOf(pending),
    version: version.version,
    fallback: pending.failedFor,
    output: finite ? output : NO_SCORES,
    tensors,
  };
}

/**
 * By the spec's rules where one holds for a row, else by its default; null where a row would have neither, for the spec would rather have no answer.
 * An imported model has no spec to say.
 */
export function byFallback(pending: Pending, reason: FallbackReason): Answered | null {
  const { spec, features, asked } = pending;
  if (spec.imported === true || (reason === 'features-missing' && spec.whenMissing === 'refuse')) return null;
  const rows = Array.from({ length: asked.rows }, (_, row) => fallbackOf(spec, features, row));
  const [first] = rows;
  if (first === undefined || rows.includes(null)) return null;
  const found = rows as { output: Float32Array; rule: boolean }[];
  const width = (first?.output ?? NO_SCORES).length;
  const output = new Float32Array(width * rows.length);
  found.forEach((one, row) => output.set(one.output, row * width));
  const route = found.some(({ rule }) => rule) ? 'rules' : 'default';
  return { ...pending, ids: idsOf(pending), version: null, fallback: reason, output, tensors: null, route };
}

/** Puts the next version in the place of one that failed. @returns whether there is one */
export function goesOn(pending: Pending, reason: FallbackReason): boolean {
  const isFeatures = reason === 'features-unavailable' || reason === 'features-missing';
  const next = isFeatures ? undefined : pending.instead.shift();
  if (next === undefined) return false;
  next.hold();
  pending.version?.release();
  pending.failedFor ??= reason;
  pending.route = 'instead';
  pending.version = next;
  return true;
}

/**
 * Notes how long a batch ran, and how long its first request waited for that.
 * @param began performance.now()
 * @param at UTC milliseconds
 */
export function noteRun(
  batch: readonly Pending[],
  version: ServedVersion,
  began: number,
  { triton }: GatewayMetrics,
  at: number,
): void {
  const { entry, waitingSince } = batch[0] as Pending;
  const now = performance.now();
  let [rows, waitedMs] = [0, 0];
  for (const { asked, waitingSince: since } of batch) {
    rows += asked.rows;
    waitedMs += began - since;
  }
  const tookMs = now - began;
  triton.ran(version.spec.name, version.version, { rows, requests: batch.length, waitedMs, tookMs });
  version.runTimes.ran(tookMs, rows, at);
  entry.waited(began - waitingSince, now);
}

function idsOf({ spec, asked, request }: Pending): string[] {
  return predictionIds(
    spec.name,
    asked,
    asked.times === null && request.parameters['time'] === undefined ? '' : request.id,
  );
}

export function refusal(model: string, reason: FallbackReason): GyreError {
  if (reason === 'features-unavailable') {
    return new GyreError(
      'FEATURES_UNAVAILABLE',
      `the entity's features cannot be had now, and ${model} refuses a fallback; try again later`,
    );
  }
  if (reason === 'features-missing') {
    return new GyreError(
      'FEATURES_UNAVAILABLE',
      `a feature of the entity is missing or stale, and the spec of ${model} refuses to answer without it; send the entity's features, then try again`,
    );
  }
  const why = reason === 'no-version' ? 'has no version that can answer yet' : 'failed to run';
  return new GyreError('NOT_READY', `${model} ${why}, and its spec refuses a fallback; try again later`);
}

/** Of an answer that a record cannot hold. */
const NO_SCORES = new Float32Array(0);
