import { refusedShare, requireOption, type DriftDetector, type Verdict } from './detector.js';

export interface HddmAOptions {
  /** Error probability of a drift, and of a warning, by Hoeffding's bound; each in (0, 1). */
  driftConfidence: number;
  warningConfidence: number;
  /** Whether a fall of the mean is reported too. */
  twoSidedTest: boolean;
}

export const hddmADefaults: Readonly<HddmAOptions> = {
  driftConfidence: 0.001,
  warningConfidence: 0.005,
  twoSidedTest: false,
};

export interface HddmAState {
  n: number;
  mean: number;
  /** Where the mean plus its bound was smallest: how many values, and their mean; and largest, for the mean less its bound. */
  minN: number;
  minMean: number;
  maxN: number;
  maxMean: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * HDDM with moving averages: cuts the stream where the mean plus its Hoeffding bound was smallest, and compares the mean since
 * with the mean before. O(1), no assumption beyond values in [0, 1]. The verdicts are those of River 0.26.
 *
 * @throws RangeError if a value lies outside [0, 1]; the state stays as it was. 1 is an error.
 * @see I. Frías-Blanco et al. (2015), Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds, IEEE TKDE
 * 27:810-823, section 4 (the A-test).
 */
export class HddmA implements DriftDetector<HddmAState> {
  private readonly options: HddmAOptions;
  private readonly logDrift: number;
  private current: HddmAState = begin();

  constructor(options: Partial<HddmAOptions> = {}) {
    this.options = { ...hddmADefaults, ...options };
    const { driftConfidence, warningConfidence } = this.options;
    requireOption(
      driftConfidence > 0 && driftConfidence < 1,
      'HDDM-A: driftConfidence lies in (0, 1)',
      driftConfidence,
    );
    requireOption(
      warningConfidence > 0 && warningConfidence < 1,
      'HDDM-A: warningConfidence lies in (0, 1)',
      warningConfidence,
    );
    this.logDrift = Math.log(1 / driftConfidence);
  }

  update(value: number): Verdict {
    if (!(value >= 0 && value <= 1)) throw refusedShare('HDDM-A', value);
    if (this.current.restarts) this.current = begin();
    const s = this.current;
    s.n += 1;
    s.mean += (value - s.mean) / s.n;
    const bound = this.bound(s.n);
    if (s.minN === 0 || s.minMean + this.bound(s.minN) >= s.mean + bound) {
      s.minN = s.n;
      s.minMean = s.mean;
    }
    if (s.maxN === 0 || s.maxMean - this.bound(s.maxN) <= s.mean - bound) {
      s.maxN = s.n;
      s.maxMean = s.mean;
    }
    const { driftConfidence, warningConfidence, twoSidedTest } = this.options;
    const changed = (confidence: number) =>
      exceeds(s.mean - s.minMean, s.minN, s.n, confidence) ||
      (twoSidedTest && exceeds(s.maxMean - s.mean, s.maxN, s.n, confidence));
    s.restarts = changed(driftConfidence);
    if (s.restarts) return 'drift';
    return changed(warningConfidence) ? 'warning' : 'stable';
  }

  state(): HddmAState {
    return { ...this.current };
  }

  restore(state: HddmAState): void {
    this.current = { ...state };
  }

  private bound(n: number): number {
    return Math.sqrt((1 / (2 * n)) * this.logDrift);
  }
}

/** Whether the mean of all n values and that of the first `before` differ by more than Hoeffding's bound allows. */
function exceeds(difference: number, before: number, n: number, confidence: number): boolean {
  if (before === n) return false;
  const m = ((n - before) / before) * (1 / n);
  return difference >= Math.sqrt((m / 2) * Math.log(2 / confidence));
}

function begin(): HddmAState {
  return { n: 0, mean: 0, minN: 0, minMean: 0, maxN: 0, maxMean: 0, restarts: false };
}
