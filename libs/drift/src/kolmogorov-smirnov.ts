import { kolmogorovSurvival } from './kolmogorov-distribution.js';
import type { NumericPair } from './numeric-pair.js';

export interface KolmogorovSmirnov {
  /** The largest gap between the two distribution functions, in [0, 1]. */
  statistic: number;
  pValue: number;
  /** How the p-value was found. */
  method: 'exact' | 'asymptotic';
  /** A value at which the gap is largest. */
  location: number;
  /** 1 when the reference's distribution function is the larger there (its values are smaller), −1 when the current one's is. */
  sign: 1 | -1;
}

/** Lattice points up to which `auto` takes the exact p-value: about a millisecond. */
const EXACT_POINTS_MAX = 100_000;

/**
 * The two-sample Kolmogorov–Smirnov test: any difference of two continuous distributions.
 *
 * `exact` counts lattice paths, O(nm). `asymptotic` is the distribution of the one-sample statistic for round(nm/(n + m)) values, as
 * scipy has it, which is closer than Kolmogorov's limit. `auto` is exact up to nm = 100,000. Ties make either p-value too large, never too small.
 *
 * @see J. L. Hodges (1958), The Significance Probability of the Smirnov Two-Sample Test, Arkiv för Matematik 3:469-486.
 */
export function kolmogorovSmirnov(
  pair: NumericPair,
  method: 'exact' | 'asymptotic' | 'auto' = 'auto',
): KolmogorovSmirnov {
  const n = pair.reference.values.length;
  const m = pair.current.values.length;
  const { values, reference, current } = pair.pooled;
  const [up, down] = [new Extreme(), new Extreme()];
  for (let row = 0, i = 0, j = 0; row < values.length; row += 1) {
    const inReference = reference[row]! > i;
    i = reference[row]!;
    j = current[row]!;
    const gap = i / n - j / m;
    if (gap > up.gap || (gap === up.gap && inReference)) up.take(gap, row, inReference);
    if (-gap > down.gap || (-gap === down.gap && inReference)) down.take(-gap, row, inReference);
  }
  const sign = down.gap > up.gap ? -1 : 1;
  const { gap, row } = sign === 1 ? up : down;
  const chosen = method === 'auto' ? (n * m <= EXACT_POINTS_MAX ? 'exact' : 'asymptotic') : method;
  const steps = Math.abs(reference[row]! * m - current[row]! * n);
  const statistic = Math.max(0, gap);
  const pValue = chosen === 'exact' ? exactPValue(n, m, steps) : asymptoticPValue((n * m) / (n + m), statistic);
  return { statistic, pValue, method: chosen, location: values[row]!, sign };
}

/** Where a gap is largest: the first value of the reference there, else of the current sample (as scipy looks for it). */
class Extreme {
  gap = -Infinity;
  row = 0;
  private inReference = false;

  take(gap: number, row: number, inReference: boolean): void {
    if (gap === this.gap && this.inReference) return;
    this.gap = gap;
    this.row = row;
    this.inReference = inReference;
  }
}

/** Of one value a side nothing can be said. Halves are rounded to the even number, as numpy does. */
function asymptoticPValue(size: number, statistic: number): number {
  const below = Math.floor(size);
  const isUp = size - below > 0.5 || (size - below === 0.5 && below % 2 === 1);
  const rounded = isUp ? below + 1 : below;
  return rounded === 0 ? 1 : kolmogorovSurvival(rounded, statistic);
}

/** The probability of a gap of at least steps/(nm) between samples of one continuous distribution. */
function exactPValue(n: number, m: number, steps: number): number {
  if (n === m) return gapPValue(n, steps / n);
  if (steps === 0) return 1;
  // chance[j]: that a random lattice path to (i, j) has left the band. Summed from outside, so that a small p-value keeps its digits.
  const chance = new Float64Array(m + 1);
  for (let j = 1; j <= m; j += 1) chance[j] = j * n >= steps ? 1 : chance[j - 1]!;
  for (let i = 1; i <= n; i += 1) {
    if (i * m >= steps) chance[0] = 1;
    for (let j = 1; j <= m; j += 1) {
      chance[j] = Math.abs(i * m - j * n) >= steps ? 1 : (i * chance[j]! + j * chance[j - 1]!) / (i + j);
    }
  }
  return chance[m]!;
}

/**
 * The statistic of samples of equal size n as a count: n times the largest gap between the two distribution functions. O(n).
 *
 * @param first and @param second sorted, of the same length
 */
export function largestGap(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const n = first.length;
  let i = 0;
  let j = 0;
  let gap = 0;
  while (i < n && j < n) {
    const value = Math.min(first[i]!, second[j]!);
    while (i < n && first[i]! === value) i += 1;
    while (j < n && second[j]! === value) j += 1;
    gap = Math.max(gap, Math.abs(i - j));
  }
  return gap;
}

/**
 * Exact two-sided p-value for samples of equal size n from one continuous distribution: the probability of a gap of at least
 * gap/n. Ties make it too large, never too small.
 *
 * @see W. Feller (1948), Annals of Mathematical Statistics 19:177-189, and J. L. Hodges (1958), Arkiv för Matematik 3:469-486: by
 * reflection, P = 2 Σ (−1)^(k−1) C(2n, n − k·gap)/C(2n, n); here by nested products, as the binomials would overflow.
 */
export function gapPValue(n: number, gap: number): number {
  if (gap === 0) return 1;
  let sum = 0;
  for (let k = Math.floor(n / gap); k >= 0; k -= 1) {
    let product = 1;
    for (let j = 0; j < gap; j += 1) product *= (n - k * gap - j) / (n + k * gap + j + 1);
    sum = product * (1 - sum);
  }
  return Math.min(1, 2 * sum);
}
