import { normalTwoSided } from './normal.js';

export interface TwoProportions {
  /** Difference of the shares, reference less current, in pooled standard errors; 0 when all or none of the rows count. */
  statistic: number;
  pValue: number;
}

/**
 * The pooled two-sided z-test of two shares.
 *
 * @param counted rows that count, on both sides
 * @param rows all rows of each side
 * @throws RangeError if a side has no row, or more that count than there are
 */
export function twoProportions(counted: readonly [number, number], rows: readonly [number, number]): TwoProportions {
  const [a, b] = counted;
  const [n, m] = rows;
  if (!(n > 0 && m > 0 && a >= 0 && b >= 0 && a <= n && b <= m)) {
    throw new RangeError(`two shares are counts of some rows each, got ${a} of ${n} and ${b} of ${m}`);
  }
  const share = (a + b) / (n + m);
  if (share === 0 || share === 1) return { statistic: 0, pValue: 1 };
  const statistic = (a / n - b / m) / Math.sqrt(share * (1 - share) * (1 / n + 1 / m));
  return { statistic, pValue: normalTwoSided(statistic) };
}
