/** What the histogram is saved as: rows of each class per bin. */
export interface ScoreHistogramState {
  readonly positives: number[];
  readonly negatives: number[];
}

/** A number that is known to lie between two others. */
export interface BoundedMetric {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * How well scores in [0, 1] put rows of class 1 before rows of class 0, one row at a time in bounded memory: scores are counted in bins of equal
 * width. Histograms of disjoint rows merge by addition.
 *
 * The order within a bin is not known. The bounds say what that can cost; with 1,000 bins and scores spread over them it is below 0.001.
 * {@link rankingMetrics} is exact, and needs all rows.
 */
export class ScoreHistogram {
  private readonly positives: Float64Array;
  private readonly negatives: Float64Array;

  constructor(readonly bins: number = 1000) {
    if (!Number.isInteger(bins) || bins < 2) throw new RangeError(`There are at least 2 bins, got ${bins}`);
    this.positives = new Float64Array(bins);
    this.negatives = new Float64Array(bins);
  }

  /**
   * @param label 0 or 1
   * @throws RangeError on another label or a score outside [0, 1]; the counts stay as they were.
   */
  add(label: number, score: number): void {
    if (label !== 0 && label !== 1) throw new RangeError(`A label is 0 or 1, got ${label}`);
    if (!(score >= 0 && score <= 1)) throw new RangeError(`A score is in [0, 1], got ${score}`);
    const side = label === 1 ? this.positives : this.negatives;
    side[Math.min(Math.floor(score * this.bins), this.bins - 1)]! += 1;
  }

  merge(other: ScoreHistogram): void {
    if (other.bins !== this.bins) throw new RangeError(`${other.bins} bins do not merge with ${this.bins}`);
    for (let bin = 0; bin < this.bins; bin++) {
      this.positives[bin]! += other.positives[bin]!;
      this.negatives[bin]! += other.negatives[bin]!;
    }
  }

  get rows(): number {
    return total(this.positives) + total(this.negatives);
  }

  /** The chance that a row of class 1 scores higher than one of class 0; null unless both classes occur. */
  rocAuc(): BoundedMetric | null {
    const [positives, negatives] = [total(this.positives), total(this.negatives)];
    if (positives === 0 || negatives === 0) return null;
    let wins = 0;
    let tied = 0;
    let below = 0;
    for (let bin = 0; bin < this.bins; bin++) {
      wins += this.positives[bin]! * below;
      tied += this.positives[bin]! * this.negatives[bin]!;
      below += this.negatives[bin]!;
    }
    const pairs = positives * negatives;
    return { value: (wins + tied / 2) / pairs, lower: wins / pairs, upper: (wins + tied) / pairs };
  }

  state(): ScoreHistogramState {
    return { positives: Array.from(this.positives), negatives: Array.from(this.negatives) };
  }

  static of(state: ScoreHistogramState): ScoreHistogram {
    const histogram = new ScoreHistogram(state.positives.length);
    histogram.positives.set(state.positives);
    histogram.negatives.set(state.negatives);
    return histogram;
  }
}

function total(counts: Float64Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
