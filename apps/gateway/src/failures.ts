import { GyreError, type ErrorCode } from '@gyre/contracts';
import { FailureRecords, type Failed } from './failure-records.js';
import type { GatewayMetrics } from './gateway.metrics.js';
import { aboutFailed, tooLate, type Pending } from './pending.js';
import type { PredictionLog } from './prediction-log.js';

/** A request that was let in, and what it fails with. */
export interface Failure {
  pending: Pending;
  error: unknown;
}

interface FailuresOptions {
  log: Pick<PredictionLog, 'append'>;
  metrics: GatewayMetrics;
  /** UTC milliseconds. */
  now: () => number;
  /** Lets go of what a request holds. */
  free: (pending: Pending) => void;
}

/**
 * What becomes of requests that get no answer: they are recorded, counted and told. Those that fail together are recorded with one write: when there is
 * too much to do, a turn may be nothing but requests that are too late.
 */
export class Failures {
  private readonly records: FailureRecords;

  constructor(private readonly options: FailuresOptions) {
    this.records = new FailureRecords(options.log, options.now);
  }

  /** A request that was not let in. @param model empty where it is not known */
  refused(model: string, error: unknown): void {
    const { metrics } = this.options;
    const code = codeOf(error);
    metrics.failed(error);
    // Names that clients made up are not counted one by one.
    if (model !== '' && !UNKNOWN.has(code)) metrics.triton.failed(model, 0, code);
    if (TURNED_AWAY.has(code)) this.records.turnedAway(model, code);
  }

  /** Records how many were turned away so far. */
  countShed(): void {
    this.records.flush();
  }

  fail(failures: readonly Failure[]): void {
    if (failures.length === 0) return;
    const { metrics, free } = this.options;
    const records: Failed[] = [];
    for (const { pending, error } of failures) {
      const code = codeOf(error);
      // A log that is full takes no record of its being full.
      if (code === 'OVERLOADED') this.records.turnedAway(pending.spec.name, code);
      else records.push(aboutFailed(pending, code));
    }
    this.records.failed(records);
    for (const { pending, error } of failures) {
      free(pending);
      metrics.failed(error);
      metrics.triton.failed(pending.spec.name, pending.version?.version ?? 0, codeOf(error));
      pending.reject(error);
    }
  }

  /** Those that somebody waits for and that can be through in time: the others fail here, before anything is begun for them. */
  worthwhile(turn: readonly Pending[]): Pending[] {
    const now = this.options.now();
    const late: Failure[] = [];
    const going = turn.filter((pending) => {
      const error = tooLate(pending, now);
      if (error !== null) late.push({ pending, error });
      return error === null;
    });
    this.fail(late);
    return going;
  }
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof GyreError ? error.code : 'INTERNAL';
}

/** Refused at the door: counted, not recorded one by one. */
const TURNED_AWAY: ReadonlySet<string> = new Set(['OVERLOADED', 'RATE_LIMITED']);
/** Refused before it was looked whether there is such a model, or because there is none. */
const UNKNOWN: ReadonlySet<string> = new Set(['MODEL_NOT_FOUND', 'PERMISSION_DENIED', 'UNAUTHENTICATED']);
