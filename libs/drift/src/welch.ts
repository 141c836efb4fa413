import type { NumericPair } from './numeric-pair.js';
import { studentTwoSided } from './student.js';

export interface Welch {
  /** Difference of the means, reference less current, in standard errors; ±Infinity where neither sample varies and the means differ. */
  statistic: number;
  /** By Welch and Satterthwaite; 0 where neither sample varies. */
  degreesOfFreedom: number;
  pValue: number;
}

/**
 * Welch's two-sided t-test: whether two means differ, the variances being what they are. Two constant samples have a p-value of 1 when they
 * are equal and of 0 when they are not.
 *
 * @throws RangeError on a sample of one value, which has no variance
 * @see B. L. Welch (1947), Biometrika 34:28-35.
 */
export function welch(pair: NumericPair): Welch {
  const { values } = pair.pooled;
  const smallest = values[0]!;
  // t has no unit: in units of the range no square underflows.
  const range = values.at(-1)! - smallest || 1;
  const first = momentsOf(pair.reference.values, smallest, range);
  const second = momentsOf(pair.current.values, smallest, range);
  const difference = first.mean - second.mean;
  const squared = first.squaredError + second.squaredError;
  if (squared === 0) {
    if (difference === 0) return { statistic: 0, degreesOfFreedom: 0, pValue: 1 };
    return { statistic: Math.sign(difference) * Infinity, degreesOfFreedom: 0, pValue: 0 };
  }
  const statistic = difference / Math.sqrt(squared);
  // As shares of the sum: their squares do not leave the range of doubles.
  const a = first.squaredError / squared;
  const b = second.squaredError / squared;
  const degreesOfFreedom = 1 / ((a * a) / (first.n - 1) + (b * b) / (second.n - 1));
  return { statistic, degreesOfFreedom, pValue: studentTwoSided(statistic, degreesOfFreedom) };
}

function momentsOf(
  values: Float64Array,
  origin: number,
  unit: number,
): { n: number; mean: number; squaredError: number } {
  const n = values.length;
  if (n < 2) throw new RangeError(`Welch's test takes at least 2 values a side, got ${n}`);
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += (values[i]! - origin) / unit;
  // A constant sample has no variance, not one of rounding.
  const mean = values[0] === values[n - 1] ? (values[0]! - origin) / unit : sum / n;
  let squares = 0;
  for (let i = 0; i < n; i += 1) squares += ((values[i]! - origin) / unit - mean) ** 2;
  return { n, mean, squaredError: squares / (n - 1) / n };
}
