/** What the errors are saved as: sums, and of the labels their mean and summed squared distance from it. */
export interface RegressionState {
  readonly rows: number;
  readonly absolute: number;
  readonly squared: number;
  readonly mean: number;
  readonly spread: number;
}

/**
 * Errors of predicted numbers, one row at a time, in O(1). Those of disjoint rows merge, in any order (but for rounding).
 *
 * @see T. Chan, G. Golub, R. LeVeque (1983), Algorithms for Computing the Sample Variance, for the merge of variances
 */
export class RegressionErrors {
  private current = { rows: 0, absolute: 0, squared: 0, mean: 0, spread: 0 };

  add(label: number, predicted: number): void {
    if (!Number.isFinite(label) || !Number.isFinite(predicted)) {
      throw new RangeError(`Errors are of finite numbers, got ${label} and ${predicted}`);
    }
    const s = this.current;
    const error = predicted - label;
    const distance = label - s.mean;
    s.rows += 1;
    s.absolute += Math.abs(error);
    s.squared += error * error;
    s.mean += distance / s.rows;
    s.spread += distance * (label - s.mean);
  }

  merge(other: RegressionErrors): void {
    const s = this.current;
    const o = other.current;
    const rows = s.rows + o.rows;
    if (rows === 0) return;
    const distance = o.mean - s.mean;
    s.spread += o.spread + (distance * distance * s.rows * o.rows) / rows;
    s.mean += (distance * o.rows) / rows;
    s.absolute += o.absolute;
    s.squared += o.squared;
    s.rows = rows;
  }

  get rows(): number {
    return this.current.rows;
  }

  /** Mean absolute error, in the label's unit; null without rows. */
  mae(): number | null {
    const { rows, absolute } = this.current;
    return rows === 0 ? null : absolute / rows;
  }

  /** Root of the mean squared error, in the label's unit; null without rows. */
  rmse(): number | null {
    const { rows, squared } = this.current;
    return rows === 0 ? null : Math.sqrt(squared / rows);
  }

  /** 1 - squared error / squared distance from the mean. Null under two rows; for equal labels 1 if perfect, else 0. */
  r2(): number | null {
    const { rows, squared, spread } = this.current;
    if (rows < 2) return null;
    if (spread === 0) return squared === 0 ? 1 : 0;
    return 1 - squared / spread;
  }

  state(): RegressionState {
    return { ...this.current };
  }

  static of(state: RegressionState): RegressionErrors {
    const errors = new RegressionErrors();
    errors.current = { ...state };
    return errors;
  }
}
