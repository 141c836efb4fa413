import { refusedOutcome, requireOption, type DriftDetector, type Verdict } from './detector.js';

export interface EddmOptions {
  /** No verdict until there have been more errors than this; at least 0. */
  warmStart: number;
  /** Share of the best level below which to warn; in (0, 1], at least `beta`. */
  alpha: number;
  /** Share of the best level below which to report a drift; in (0, 1]. */
  beta: number;
}

export const eddmDefaults: Readonly<EddmOptions> = { warmStart: 30, alpha: 0.95, beta: 0.9 };

export interface EddmState {
  n: number;
  nErrors: number;
  /** Which value was the last error, counted from 1; 0 before the first. */
  lastError: number;
  /** Mean of the distances between errors, and the sum of squared deviations from it. */
  meanDistance: number;
  squaredDistances: number;
  /** Largest mean plus two standard deviations so far; −1 before there is one. */
  p2sMax: number;
  /** A warning stays until an error says otherwise. */
  warns: boolean;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * Early drift detection method: watches the distance between errors, which shrinks when a learner gets worse, and so sees slow
 * drifts sooner than DDM. O(1). The verdicts are those of River 0.26; at its defaults it alarms often on streams without drift.
 *
 * @throws RangeError if a value is neither 0 (correct) nor 1 (error); the state stays as it was.
 * @see M. Baena-García et al. (2006), Early Drift Detection Method, 4th Workshop on Knowledge Discovery from Data Streams.
 */
export class Eddm implements DriftDetector<EddmState> {
  private readonly options: EddmOptions;
  private current: EddmState = begin();

  constructor(options: Partial<EddmOptions> = {}) {
    this.options = { ...eddmDefaults, ...options };
    const { warmStart, alpha, beta } = this.options;
    requireOption(warmStart >= 0, 'EDDM: warmStart is at least 0', warmStart);
    requireOption(beta > 0 && beta <= 1, 'EDDM: beta lies in (0, 1]', beta);
    requireOption(alpha >= beta && alpha <= 1, 'EDDM: alpha lies in [beta, 1]', alpha);
  }

  update(error: number): Verdict {
    if (error !== 0 && error !== 1) throw refusedOutcome('EDDM', error);
    if (this.current.restarts) this.current = begin();
    const s = this.current;
    s.n += 1;
    if (error === 1) this.observeError(s);
    if (s.restarts) return 'drift';
    return s.warns ? 'warning' : 'stable';
  }

  state(): EddmState {
    return { ...this.current };
  }

  restore(state: EddmState): void {
    this.current = { ...state };
  }

  private observeError(s: EddmState): void {
    const { warmStart, alpha, beta } = this.options;
    const distance = s.n - s.lastError;
    s.nErrors += 1;
    s.lastError = s.n;
    const before = s.meanDistance;
    s.meanDistance += (distance - before) / s.nErrors;
    s.squaredDistances += (distance - before) * (distance - s.meanDistance);
    if (s.n <= warmStart) return;
    const level = s.meanDistance + 2 * Math.sqrt(distanceVariance(s));
    if (level > s.p2sMax) {
      s.p2sMax = level;
    } else if (s.nErrors > warmStart) {
      const share = level / s.p2sMax;
      if (share < beta) s.restarts = true;
      else s.warns = share < alpha;
    }
  }
}

/** The sample variance of the distances between errors; 0 for fewer than two. */
export function distanceVariance({ nErrors, squaredDistances }: EddmState): number {
  return nErrors > 1 ? squaredDistances / (nErrors - 1) : 0;
}

function begin(): EddmState {
  return {
    n: 0,
    nErrors: 0,
    lastError: 0,
    meanDistance: 0,
    squaredDistances: 0,
    p2sMax: -1,
    warns: false,
    restarts: false,
  };
}
