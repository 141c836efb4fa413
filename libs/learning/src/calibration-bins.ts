/** What the bins are saved as: per bin the rows, the summed probabilities and the rows of class 1. */
export interface CalibrationState {
  readonly rows: number[];
  readonly probability: number[];
  readonly positives: number[];
}

/** One point of a reliability diagram. */
export interface ReliabilityBin {
  readonly rows: number;
  readonly meanProbability: number;
  readonly positiveShare: number;
}

/**
 * How far probabilities of class 1 are from what then happens, in bins of equal width over [0, 1]; a probability of 1 is in the last. Bins of
 * disjoint rows merge by addition.
 *
 * @see M. P. Naeini, G. Cooper, M. Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI
 */
export class CalibrationBins {
  private readonly counts: Float64Array;
  private readonly probability: Float64Array;
  private readonly positives: Float64Array;

  constructor(readonly bins: number) {
    if (!Number.isInteger(bins) || bins < 1) throw new RangeError(`There is at least 1 bin, got ${bins}`);
    this.counts = new Float64Array(bins);
    this.probability = new Float64Array(bins);
    this.positives = new Float64Array(bins);
  }

  /**
   * @param label 0 or 1
   * @param probability of class 1
   * @throws RangeError on another label or a probability outside [0, 1]; the bins stay as they were.
   */
  add(label: number, probability: number): void {
    if (label !== 0 && label !== 1) throw new RangeError(`A label is 0 or 1, got ${label}`);
    if (!(probability >= 0 && probability <= 1)) throw new RangeError(`A probability is in [0, 1], got ${probability}`);
    const bin = Math.min(Math.floor(probability * this.bins), this.bins - 1);
    this.counts[bin]! += 1;
    this.probability[bin]! += probability;
    this.positives[bin]! += label;
  }

  merge(other: CalibrationBins): void {
    if (other.bins !== this.bins) throw new RangeError(`${other.bins} bins do not merge with ${this.bins}`);
    for (let bin = 0; bin < this.bins; bin++) {
      this.counts[bin]! += other.counts[bin]!;
      this.probability[bin]! += other.probability[bin]!;
      this.positives[bin]! += other.positives[bin]!;
    }
  }

  get rows(): number {
    return this.counts.reduce((sum, rows) => sum + rows, 0);
  }

  /** Expected calibration error: the mean gap over rows, from 0 to 1; null without rows. */
  expectedError(): number | null {
    const rows = this.rows;
    if (rows === 0) return null;
    return this.reliability().reduce((sum, bin) => sum + (bin.rows / rows) * gapOf(bin), 0);
  }

  /** The largest gap of a bin with rows; null without rows. */
  maximumError(): number | null {
    const gaps = this.reliability().map(gapOf);
    return gaps.length === 0 ? null : Math.max(...gaps);
  }

  /** The bins that have rows, lowest probability first. */
  reliability(): ReliabilityBin[] {
    return Array.from(this.counts, (rows, bin) => ({
      rows,
      meanProbability: this.probability[bin]! / rows,
      positiveShare: this.positives[bin]! / rows,
    })).filter(({ rows }) => rows > 0);
  }

  state(): CalibrationState {
    return {
      rows: Array.from(this.counts),
      probability: Array.from(this.probability),
      positives: Array.from(this.positives),
    };
  }

  static of(state: CalibrationState): CalibrationBins {
    const bins = new CalibrationBins(state.rows.length);
    bins.counts.set(state.rows);
    bins.probability.set(state.probability);
    bins.positives.set(state.positives);
    return bins;
  }
}

function gapOf({ meanProbability, positiveShare }: ReliabilityBin): number {
  return Math.abs(positiveShare - meanProbability);
}
