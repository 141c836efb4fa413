import { EPSILON } from './losses.js';

/** What the errors are saved as: sums over the rows, and of labels and errors their means and summed squared distances from them. */
export interface RegressionState {
  readonly rows: number;
  readonly absolute: number;
  readonly squared: number;
  /** Of the labels. */
  readonly mean: number;
  /** What the mean lacks by rounding. */
  readonly meanRest: number;
  readonly spread: number;
  /** Of the errors, predicted less label. */
  readonly bias: number;
  readonly errorSpread: number;
  /** Sums of the errors above 0. */
  readonly over: number;
  readonly largest: number;
  readonly relative: number;
  readonly symmetric: number;
  /** Null once a label or a prediction is at most -1. */
  readonly logSquared: number | null;
}

const NONE: RegressionState = {
  rows: 0,
  absolute: 0,
  squared: 0,
  mean: 0,
  meanRest: 0,
  spread: 0,
  bias: 0,
  errorSpread: 0,
  over: 0,
  largest: 0,
  relative: 0,
  symmetric: 0,
  logSquared: 0,
};

/**
 * Errors of predicted numbers, one row at a time, in O(1). Those of disjoint rows merge, in any order (but for rounding).
 *
 * Everything is null without rows, and never NaN.
 *
 * @see T. Chan, G. Golub, R. LeVeque (1983), Algorithms for Computing the Sample Variance, for the merge of variances
 */
export class RegressionErrors {
  private current: { -readonly [K in keyof RegressionState]: RegressionState[K] } = { ...NONE };

  /** @throws RangeError unless both are finite; the sums stay as they were. */
  add(label: number, predicted: number): void {
    if (!Number.isFinite(label) || !Number.isFinite(predicted)) {
      throw new RangeError(`Errors are of finite numbers, got ${label} and ${predicted}`);
    }
    const s = this.current;
    const error = predicted - label;
    const size = Math.abs(error);
    const distance = label - s.mean - s.meanRest;
    const errorDistance = error - s.bias;
    const scale = Math.abs(label) + Math.abs(predicted);
    s.rows += 1;
    s.absolute += size;
    s.squared += error * error;
    this.moveMean(distance / s.rows);
    s.spread += distance * (label - s.mean - s.meanRest);
    s.bias += errorDistance / s.rows;
    s.errorSpread += errorDistance * (error - s.bias);
    if (error > 0) s.over += error;
    if (size > s.largest) s.largest = size;
    s.relative += size / Math.max(Math.abs(label), EPSILON);
    if (scale > 0) s.symmetric += (2 * size) / scale;
    if (label <= -1 || predicted <= -1) s.logSquared = null;
    else if (s.logSquared !== null) s.logSquared += (Math.log1p(predicted) - Math.log1p(label)) ** 2;
  }

  merge(other: RegressionErrors): void {
    const s = this.current;
    const o = other.current;
    const rows = s.rows + o.rows;
    if (rows === 0) return;
    const distance = o.mean - s.mean + (o.meanRest - s.meanRest);
    const errorDistance = o.bias - s.bias;
    const weight = (s.rows * o.rows) / rows;
    s.spread += o.spread + distance * distance * weight;
    this.moveMean((distance * o.rows) / rows);
    s.errorSpread += o.errorSpread + errorDistance * errorDistance * weight;
    s.bias += (errorDistance * o.rows) / rows;
    s.absolute += o.absolute;
    s.squared += o.squared;
    s.over += o.over;
    s.largest = Math.max(s.largest, o.largest);
    s.relative += o.relative;
    s.symmetric += o.symmetric;
    s.logSquared = s.logSquared === null || o.logSquared === null ? null : s.logSquared + o.logSquared;
    s.rows = rows;
  }

  get rows(): number {
    return this.current.rows;
  }

  /** Mean absolute error, in the label's unit. */
  mae(): number | null {
    return this.meanOf(this.current.absolute);
  }

  /** Mean squared error, in the square of the label's unit. */
  mse(): number | null {
    return this.meanOf(this.current.squared);
  }

  /** Root of the mean squared error, in the label's unit. */
  rmse(): number | null {
    const mse = this.mse();
    return mse === null ? null : Math.sqrt(mse);
  }

  /** Mean of predicted less label, in the label's unit. */
  meanError(): number | null {
    return this.meanOf(this.current.bias * this.current.rows);
  }

  /** In the label's unit. */
  maxError(): number | null {
    return this.current.rows === 0 ? null : this.current.largest;
  }

  /** Mean of |error| / |label|, a share; labels of 0 count as 2.2e-16, as in scikit-learn, and so outweigh all others. */
  mape(): number | null {
    return this.meanOf(this.current.relative);
  }

  /** Mean of 2 |error| / (|label| + |predicted|), a share of at most 2; 0 where both are 0. */
  smape(): number | null {
    return this.meanOf(this.current.symmetric);
  }

  /** Root of the mean squared difference of ln(1 + x); null if a label or a prediction was at most -1. */
  rmsle(): number | null {
    const { logSquared } = this.current;
    const mean = logSquared === null ? null : this.meanOf(logSquared);
    return mean === null ? null : Math.sqrt(mean);
  }

  /**
   * The mean loss of predicting the alpha-quantile, in the label's unit: too low costs alpha, too high 1 - alpha.
   *
   * @param alpha in (0, 1)
   */
  pinball(alpha: number): number | null {
    const { absolute, over } = this.current;
    return this.meanOf(alpha * Math.max(0, absolute - over) + (1 - alpha) * over);
  }

  /** 1 - squared error / squared distance from the mean. Null under two rows; for equal labels 1 if perfect, else 0. */
  r2(): number | null {
    return this.explained(this.current.squared);
  }

  /** The same, but for a constant error: 1 - variance of the errors / variance of the labels. */
  explainedVariance(): number | null {
    return this.explained(this.current.errorSpread);
  }

  state(): RegressionState {
    return { ...this.current };
  }

  static of(state: RegressionState): RegressionErrors {
    const errors = new RegressionErrors();
    errors.current = { ...state };
    return errors;
  }

  /** Far from 0, one row's part of the mean is soon less than a digit of it: without the rest the mean would stand still, and the spread with it. */
  private moveMean(by: number): void {
    const s = this.current;
    const step = s.meanRest + by;
    const mean = s.mean + step;
    s.meanRest = step - (mean - s.mean);
    s.mean = mean;
  }

  private meanOf(sum: number): number | null {
    return this.current.rows === 0 ? null : sum / this.current.rows;
  }

  private explained(squared: number): number | null {
    const { rows, spread } = this.current;
    if (rows < 2) return null;
    if (spread === 0) return squared === 0 ? 1 : 0;
    return 1 - squared / spread;
  }
}

/** The median of the absolute errors, in the label's unit; null for no rows. O(n log n), and of all rows at once: medians do not merge. */
export function medianAbsoluteError(labels: ArrayLike<number>, predicted: ArrayLike<number>): number | null {
  if (labels.length !== predicted.length) throw new RangeError(`${predicted.length} values, ${labels.length} labels`);
  if (labels.length === 0) return null;
  const errors = Float64Array.from(labels, (label, row) => Math.abs(predicted[row]! - label)).sort();
  const middle = errors.length >> 1;
  return errors.length % 2 === 1 ? errors[middle]! : (errors[middle - 1]! + errors[middle]!) / 2;
}
