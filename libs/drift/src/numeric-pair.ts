import { requireOption, VALUE_MAX } from './detector.js';
import { sorted } from './radix-sort.js';

/** The values of a sample, rising, and how many of its rows had none. */
export interface NumericSample {
  /** At least one, all of magnitude at most 1e100: beyond it squares could overflow. */
  readonly values: Float64Array;
  /** Rows that were null, undefined or NaN. They take no part in any measure: that they grew in number is a matter of data quality. */
  readonly missing: number;
}

/**
 * Two samples side by side, one row for each distinct value of either, rising: how many rows of each sample are at or below it.
 * All rank statistics are sums over these rows.
 */
export interface PooledCounts {
  readonly values: Float64Array;
  readonly reference: Int32Array;
  readonly current: Int32Array;
}

/**
 * The values of some rows, sorted once for all measures. O(n).
 *
 * @param rows numbers; null, undefined and NaN are missing
 * @throws RangeError on an infinite value or one beyond 1e100, and when no row has a value
 */
export function numericSample(rows: ArrayLike<number | null | undefined>): NumericSample {
  const values = new Float64Array(rows.length);
  let n = 0;
  for (let i = 0; i < rows.length; i += 1) {
    const value = rows[i];
    if (value === null || value === undefined || value !== value) continue;
    if (!(Math.abs(value) <= VALUE_MAX)) {
      throw new RangeError(`a sample has finite values of magnitude at most ${VALUE_MAX}, got ${value} in row ${i}`);
    }
    values[n++] = value;
  }
  requireOption(n > 0, `a sample has at least one value among its ${rows.length} rows`, n);
  return { values: sorted(n < values.length ? values.slice(0, n) : values), missing: rows.length - n };
}

/** A reference and a current sample of numbers, with what several measures need of both, made when first asked for. */
export class NumericPair {
  private pooledCounts: PooledCounts | undefined;

  constructor(
    readonly reference: NumericSample,
    readonly current: NumericSample,
  ) {}

  /** @throws RangeError on an infinite value, and when a side has no value */
  static of(
    reference: ArrayLike<number | null | undefined>,
    current: ArrayLike<number | null | undefined>,
  ): NumericPair {
    return new NumericPair(numericSample(reference), numericSample(current));
  }

  get pooled(): PooledCounts {
    this.pooledCounts ??= pool(this.reference.values, this.current.values);
    return this.pooledCounts;
  }
}

function pool(first: Float64Array, second: Float64Array): PooledCounts {
  const n = first.length;
  const m = second.length;
  const values = new Float64Array(n + m);
  const reference = new Int32Array(n + m);
  const current = new Int32Array(n + m);
  let rows = 0;
  let i = 0;
  let j = 0;
  while (i < n || j < m) {
    const value = j === m || (i < n && first[i]! < second[j]!) ? first[i]! : second[j]!;
    while (i < n && first[i]! === value) i += 1;
    while (j < m && second[j]! === value) j += 1;
    values[rows] = value;
    reference[rows] = i;
    current[rows] = j;
    rows += 1;
  }
  return {
    values: values.subarray(0, rows),
    reference: reference.subarray(0, rows),
    current: current.subarray(0, rows),
  };
}
