import { refusedShare, requireOption, type DriftDetector, type Verdict } from './detector.js';

export interface HddmWOptions {
  /** Error probability of a drift, and of a warning, by McDiarmid's bound; each in (0, 1). */
  driftConfidence: number;
  warningConfidence: number;
  /** Weight of the newest value in the moving average, in (0, 1). */
  lambdaVal: number;
  /** Whether a fall of the mean is reported too. */
  twoSidedTest: boolean;
}

export const hddmWDefaults: Readonly<HddmWOptions> = {
  driftConfidence: 0.001,
  warningConfidence: 0.005,
  lambdaVal: 0.05,
  twoSidedTest: false,
};

/** An exponentially weighted mean and the sum of its squared weights ("independent bound condition"); null before a value. */
export interface WeightedMean {
  ewma: number | null;
  ibc: number;
}

export interface HddmWState {
  total: WeightedMean;
  /** Up to the point where the mean plus its bound was smallest, and since; the cut points are null before the first value. */
  incrBefore: WeightedMean;
  incrSince: WeightedMean;
  incrCutpoint: number | null;
  /** The same for the mean less its bound, for a fall. */
  decrBefore: WeightedMean;
  decrSince: WeightedMean;
  decrCutpoint: number | null;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * HDDM with exponentially weighted averages: as HDDM-A, but recent values weigh more, which suits gradual drifts. O(1), no
 * assumption beyond values in [0, 1]. The verdicts are those of River 0.26.
 *
 * @throws RangeError if a value lies outside [0, 1]; the state stays as it was. 1 is an error.
 * @see I. Frías-Blanco et al. (2015), Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds, IEEE TKDE
 * 27:810-823, section 5 (the W-test).
 */
export class HddmW implements DriftDetector<HddmWState> {
  private readonly options: HddmWOptions;
  private current: HddmWState = begin();

  constructor(options: Partial<HddmWOptions> = {}) {
    this.options = { ...hddmWDefaults, ...options };
    const { driftConfidence, warningConfidence, lambdaVal } = this.options;
    requireOption(
      driftConfidence > 0 && driftConfidence < 1,
      'HDDM-W: driftConfidence lies in (0, 1)',
      driftConfidence,
    );
    requireOption(
      warningConfidence > 0 && warningConfidence < 1,
      'HDDM-W: warningConfidence lies in (0, 1)',
      warningConfidence,
    );
    requireOption(lambdaVal > 0 && lambdaVal < 1, 'HDDM-W: lambdaVal lies in (0, 1)', lambdaVal);
  }

  update(value: number): Verdict {
    if (!(value >= 0 && value <= 1)) throw refusedShare('HDDM-W', value);
    if (this.current.restarts) this.current = begin();
    const { driftConfidence, warningConfidence, lambdaVal, twoSidedTest } = this.options;
    const s = this.current;
    observe(s.total, value, lambdaVal);
    const mean = s.total.ewma!;
    const bound = mcDiarmid(s.total.ibc, driftConfidence);
    if (s.incrCutpoint === null || mean + bound < s.incrCutpoint) {
      s.incrCutpoint = mean + bound;
      s.incrBefore = { ...s.total };
      s.incrSince = empty();
    } else {
      observe(s.incrSince, value, lambdaVal);
    }
    if (s.decrCutpoint === null || mean - bound > s.decrCutpoint) {
      s.decrCutpoint = mean - bound;
      s.decrBefore = { ...s.total };
      s.decrSince = empty();
    } else {
      observe(s.decrSince, value, lambdaVal);
    }
    const changed = (confidence: number) =>
      rises(s.incrBefore, s.incrSince, confidence) || (twoSidedTest && rises(s.decrSince, s.decrBefore, confidence));
    s.restarts = changed(driftConfidence);
    if (s.restarts) return 'drift';
    return changed(warningConfidence) ? 'warning' : 'stable';
  }

  state(): HddmWState {
    return copy(this.current);
  }

  restore(state: HddmWState): void {
    this.current = copy(state);
  }
}

function observe(mean: WeightedMean, value: number, lambda: number): void {
  mean.ewma = mean.ewma === null ? value + 0 : lambda * value + (1 - lambda) * mean.ewma;
  mean.ibc = lambda * lambda + (1 - lambda) ** 2 * mean.ibc;
}

/** Whether the second mean exceeds the first by more than McDiarmid's bound allows. */
function rises(first: WeightedMean, second: WeightedMean, confidence: number): boolean {
  if (first.ewma === null || second.ewma === null) return false;
  return second.ewma - first.ewma > mcDiarmid(first.ibc + second.ibc, confidence);
}

function mcDiarmid(ibc: number, confidence: number): number {
  return Math.sqrt((ibc * Math.log(1 / confidence)) / 2);
}

function empty(): WeightedMean {
  return { ewma: null, ibc: 1 };
}

function begin(): HddmWState {
  return {
    total: empty(),
    incrBefore: empty(),
    incrSince: empty(),
    incrCutpoint: null,
    decrBefore: empty(),
    decrSince: empty(),
    decrCutpoint: null,
    restarts: false,
  };
}

function copy(state: HddmWState): HddmWState {
  return {
    ...state,
    total: { ...state.total },
    incrBefore: { ...state.incrBefore },
    incrSince: { ...state.incrSince },
    decrBefore: { ...state.decrBefore },
    decrSince: { ...state.decrSince },
  };
}
