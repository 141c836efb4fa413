/** What a confusion matrix is saved as: its counts, row-major of shape [classes, classes]. */
export interface ConfusionState {
  readonly classes: number;
  readonly counts: number[];
}

/** What is measured of one class against all others. */
export type ClassMetric = 'precision' | 'recall' | 'f1';

/**
 * Counts rows by true and predicted class. Matrices of disjoint rows merge by addition, in any order.
 *
 * What divides by nothing is null. A class without rows and without predictions has precision, recall and F1 of 0, as in
 * scikit-learn with zero_division=0 and all classes listed.
 */
export class ConfusionMatrix {
  private readonly counts: Float64Array;
  private total = 0;

  constructor(readonly classes: number) {
    if (!Number.isInteger(classes) || classes < 2) throw new RangeError(`There are at least 2 classes, got ${classes}`);
    this.counts = new Float64Array(classes * classes);
  }

  /** @throws RangeError if a class is not one of 0..classes-1; the counts stay as they were. */
  add(actual: number, predicted: number): void {
    for (const index of [actual, predicted]) {
      if (!Number.isInteger(index) || index < 0 || index >= this.classes) {
        throw new RangeError(`Classes are 0 to ${this.classes - 1}, got ${index}`);
      }
    }
    this.counts[actual * this.classes + predicted]! += 1;
    this.total++;
  }

  merge(other: ConfusionMatrix): void {
    if (other.classes !== this.classes)
      throw new RangeError(`${other.classes} classes do not merge with ${this.classes}`);
    for (let i = 0; i < this.counts.length; i++) this.counts[i]! += other.counts[i]!;
    this.total += other.total;
  }

  get rows(): number {
    return this.total;
  }

  count(actual: number, predicted: number): number {
    return this.counts[actual * this.classes + predicted]!;
  }

  accuracy(): number | null {
    return this.total === 0 ? null : this.diagonal() / this.total;
  }

  /** Null without rows, and when all rows are of one class and predicted so: there is no chance to be better than. */
  kappa(): number | null {
    if (this.total === 0) return null;
    let byChance = 0;
    for (let k = 0; k < this.classes; k++) byChance += (this.actual(k) / this.total) * (this.predicted(k) / this.total);
    return byChance === 1 ? null : (this.diagonal() / this.total - byChance) / (1 - byChance);
  }

  /**
   * Kappa that forgives a near miss of ordered classes: weights grow with the square of the distance of two classes. Null as {@link kappa}.
   *
   * @see J. Cohen (1968), Weighted Kappa, Psychological Bulletin 70:213-220
   */
  quadraticKappa(): number | null {
    if (this.total === 0) return null;
    let found = 0;
    let byChance = 0;
    for (let i = 0; i < this.classes; i++) {
      for (let j = 0; j < this.classes; j++) {
        found += (i - j) ** 2 * this.count(i, j);
        byChance += ((i - j) ** 2 * this.actual(i) * this.predicted(j)) / this.total;
      }
    }
    return byChance === 0 ? null : 1 - found / byChance;
  }

  /**
   * Matthews' correlation of truth and prediction, from -1 to 1; 0 where either does not vary, null without rows.
   *
   * @see J. Gorodkin (2004), Comparing Two K-Category Assignments by a K-Category Correlation Coefficient
   */
  matthews(): number | null {
    if (this.total === 0) return null;
    let agreed = this.diagonal() * this.total;
    let actualSpread = this.total * this.total;
    let predictedSpread = actualSpread;
    for (let k = 0; k < this.classes; k++) {
      agreed -= this.actual(k) * this.predicted(k);
      actualSpread -= this.actual(k) ** 2;
      predictedSpread -= this.predicted(k) ** 2;
    }
    const spread = Math.sqrt(actualSpread) * Math.sqrt(predictedSpread);
    return spread === 0 ? 0 : agreed / spread;
  }

  precision(k: number): number {
    return ratio(this.count(k, k), this.predicted(k));
  }

  recall(k: number): number {
    return ratio(this.count(k, k), this.actual(k));
  }

  /** The share of other classes' rows that are not taken for k; null when there is none. */
  specificity(k: number): number | null {
    const others = this.total - this.actual(k);
    return others === 0 ? null : (others - this.predicted(k) + this.count(k, k)) / others;
  }

  f1(k: number): number {
    return ratio(2 * this.count(k, k), this.predicted(k) + this.actual(k));
  }

  /** The harmonic mean of precision and recall in which recall counts beta times as much; 0 where both are. */
  fBeta(k: number, beta: number): number {
    const square = beta * beta;
    return ratio((1 + square) * this.count(k, k), this.predicted(k) + square * this.actual(k));
  }

  /** The mean over all classes, whatever their size; null without rows. The macro recall is the balanced accuracy. */
  macro(metric: ClassMetric): number | null {
    if (this.total === 0) return null;
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += this[metric](k);
    return sum / this.classes;
  }

  /** The mean over all classes by their rows; null without rows. */
  weighted(metric: ClassMetric): number | null {
    if (this.total === 0) return null;
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += this[metric](k) * this.actual(k);
    return sum / this.total;
  }

  /** The mean of all classes' F1, whatever their size. */
  macroF1(): number | null {
    return this.macro('f1');
  }

  state(): ConfusionState {
    return { classes: this.classes, counts: Array.from(this.counts) };
  }

  static of(state: ConfusionState): ConfusionMatrix {
    const matrix = new ConfusionMatrix(state.classes);
    matrix.counts.set(state.counts);
    matrix.total = state.counts.reduce((sum, count) => sum + count, 0);
    return matrix;
  }

  private actual(k: number): number {
    let sum = 0;
    for (let j = 0; j < this.classes; j++) sum += this.count(k, j);
    return sum;
  }

  private predicted(k: number): number {
    let sum = 0;
    for (let i = 0; i < this.classes; i++) sum += this.count(i, k);
    return sum;
  }

  private diagonal(): number {
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += this.count(k, k);
    return sum;
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
