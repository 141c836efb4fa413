/** What a confusion matrix is saved as: its counts, row-major of shape [classes, classes]. */
export interface ConfusionState {
  readonly classes: number;
  readonly counts: number[];
}

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

  precision(k: number): number {
    return ratio(this.count(k, k), this.predicted(k));
  }

  recall(k: number): number {
    return ratio(this.count(k, k), this.actual(k));
  }

  f1(k: number): number {
    return ratio(2 * this.count(k, k), this.predicted(k) + this.actual(k));
  }

  /** The mean of all classes' F1, whatever their size. */
  macroF1(): number | null {
    if (this.total === 0) return null;
    let sum = 0;
    for (let k = 0; k < this.classes; k++) sum += this.f1(k);
    return sum / this.classes;
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
