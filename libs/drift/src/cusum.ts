import {
  isDirection,
  refusedValue,
  requireOption,
  VALUE_MAX,
  type Direction,
  type DriftDetector,
  type Verdict,
} from './detector.js';

export interface CusumOptions {
  /** Mean of the stream while all is well; null to take it from the first `warmStart` values. */
  target: number | null;
  /** Values from which an unknown target is taken; an integer of at least 1. */
  warmStart: number;
  /** k: a deviation smaller than this is tolerated, best half of the change to be found; in the stream's unit, at least 0. */
  slack: number;
  /** h: accumulated deviation at which a change is reported; in the stream's unit, above 0. */
  threshold: number;
  /** Which changes of the mean are watched for. */
  mode: Direction;
}

export const cusumDefaults: Readonly<CusumOptions> = {
  target: null,
  warmStart: 30,
  slack: 0.05,
  threshold: 10,
  mode: 'both',
};

export interface CusumState {
  n: number;
  /** The mean deviations are measured from. */
  target: number;
  sumHigh: number;
  sumLow: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * Two-sided cumulative sum control chart, in O(1) a value: adds up what exceeds the target by more than the slack, and what falls
 * short of it, each never below 0, and reports when a sum exceeds the threshold. With a known target it is the fastest detector
 * there is of a change of twice the slack, for the rate of false alarms that the threshold sets.
 *
 * @throws RangeError if a value is not finite or beyond 1e100; the state stays as it was.
 * @see E. S. Page (1954), Continuous Inspection Schemes, Biometrika 41:100-115, section 3; D. C. Montgomery, Introduction to
 * Statistical Quality Control, chapter 9.1 (the tabular form). G. Moustakides (1986), Annals of Statistics 14, for its optimality.
 */
export class Cusum implements DriftDetector<CusumState> {
  private readonly options: CusumOptions;
  private current: CusumState;

  constructor(options: Partial<CusumOptions> = {}) {
    this.options = { ...cusumDefaults, ...options };
    const { target, warmStart, slack, threshold } = this.options;
    requireOption(target === null || Math.abs(target) <= VALUE_MAX, 'CUSUM: target is null or finite', target);
    requireOption(
      Number.isInteger(warmStart) && warmStart >= 1,
      'CUSUM: warmStart is an integer of at least 1',
      warmStart,
    );
    requireOption(slack >= 0 && slack < Infinity, 'CUSUM: slack is at least 0', slack);
    requireOption(threshold > 0, 'CUSUM: threshold is above 0', threshold);
    requireOption(isDirection(this.options.mode), 'CUSUM: mode is both, up or down', this.options.mode);
    this.current = this.begin();
  }

  update(value: number): Verdict {
    if (!(Math.abs(value) <= VALUE_MAX)) throw refusedValue('CUSUM', value);
    if (this.current.restarts) this.current = this.begin();
    const { target, warmStart, slack, threshold, mode } = this.options;
    const s = this.current;
    s.n += 1;
    if (target === null && s.n <= warmStart) {
      s.target += (value - s.target) / s.n;
      return 'stable';
    }
    const deviation = value - s.target;
    s.sumHigh = Math.max(0, s.sumHigh + deviation - slack);
    s.sumLow = Math.max(0, s.sumLow - deviation - slack);
    s.restarts = (mode !== 'down' && s.sumHigh > threshold) || (mode !== 'up' && s.sumLow > threshold);
    return s.restarts ? 'drift' : 'stable';
  }

  state(): CusumState {
    return { ...this.current };
  }

  restore(state: CusumState): void {
    this.current = { ...state };
  }

  private begin(): CusumState {
    return { n: 0, target: this.options.target ?? 0, sumHigh: 0, sumLow: 0, restarts: false };
  }
}
