import { logGamma } from './gamma.js';
import type { NumericPair } from './numeric-pair.js';

export interface CramerVonMises {
  /** T: the squared gap between the distribution functions, summed over all values. */
  statistic: number;
  pValue: number;
  /** How the p-value was found. */
  method: 'exact' | 'asymptotic';
}

/** Values a side up to which `auto` takes the exact p-value. */
const EXACT_VALUES_MAX = 20;

/**
 * The two-sample Cramér–von Mises test: as Kolmogorov–Smirnov, but the whole distribution counts and not its largest gap alone.
 *
 * Tied values share their mean rank. `exact` counts all orders of two samples without ties, which takes memory in the square of their
 * sizes and more time: at most 100 values a side. `asymptotic` takes the limit of the one-sample statistic at the standardised T; it says
 * p-values below 1e-7 as scipy does, which is to say only that they are small. `auto` is exact up to 20 values a side without ties.
 *
 * @throws RangeError on samples of one value, of which the statistic says nothing, and on `exact` for large ones
 * @see T. W. Anderson (1962), On the Distribution of the Two-Sample Cramér–von Mises Criterion, Annals of Mathematical Statistics
 * 33:1148-1159, equations 9 to 15; W. J. Conover (1999), Practical Nonparametric Statistics, for ties.
 */
export function cramerVonMises(pair: NumericPair, method: 'exact' | 'asymptotic' | 'auto' = 'auto'): CramerVonMises {
  const { values, reference, current } = pair.pooled;
  const n = pair.reference.values.length;
  const m = pair.current.values.length;
  if (n < 2 || m < 2) throw new RangeError(`Cramér–von Mises takes at least 2 values a side, got ${n} and ${m}`);
  let squares = 0;
  let currentSquares = 0;
  for (let row = 0, i = 0, j = 0; row < values.length; row += 1) {
    const [nextI, nextJ] = [reference[row]!, current[row]!];
    const rank = (i + j + nextI + nextJ + 1) / 2;
    while (i < nextI) squares += (rank - ++i) ** 2;
    while (j < nextJ) currentSquares += (rank - ++j) ** 2;
  }
  const u = n * squares + m * currentSquares;
  const all = n + m;
  const statistic = u / (n * m * all) - (4 * n * m - 1) / (6 * all);
  const untied = values.length === all;
  // The approximation knows no ties: where there is nothing else, it would find two constants of one value different.
  if (values.length === 1) return { statistic, pValue: 1, method: 'asymptotic' };
  const small = Math.max(n, m) <= EXACT_VALUES_MAX;
  const chosen = method === 'auto' ? (small && untied ? 'exact' : 'asymptotic') : method;
  return {
    statistic,
    pValue: chosen === 'exact' ? exactPValue(u, n, m) : asymptoticPValue(statistic, n, m),
    method: chosen,
  };
}

function asymptoticPValue(statistic: number, n: number, m: number): number {
  const all = n + m;
  const product = n * m;
  const expected = (1 + 1 / all) / 6;
  const variance =
    ((all + 1) * (4 * product * all - 3 * (n * n + m * m) - 2 * product)) / (45 * all * all * 4 * product);
  const standardised = 1 / 6 + (statistic - expected) / Math.sqrt(45 * variance);
  if (standardised < 0.003) return 1;
  return Math.max(0, 1 - limit(standardised));
}

/**
 * P(W² ≤ x) of the one-sample statistic in the limit of many values.
 *
 * @see S. Csörgő, J. Faraway (1996), The Exact and Asymptotic Distributions of Cramér–von Mises Statistics, JRSS B 58:221-234, (1.2).
 */
function limit(x: number): number {
  let sum = 0;
  for (let k = 0; ; k += 1) {
    const u = Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(x));
    const y = 4 * k + 1;
    const q = (y * y) / (16 * x);
    const term = u * Math.sqrt(y) * scaledBesselK(q) * Math.exp(-2 * q);
    sum += term;
    // scipy's bound; with a smaller one the smallest p-values would be others than scipy's.
    if (Math.abs(term) < 1e-7) return sum;
  }
}

/**
 * e^x K(x), the modified Bessel function of the second kind of order 1/4, by its integral ∫ e^(x − x cosh t) cosh(t/4) dt over t ≥ 0: the
 * trapezoidal rule converges exponentially for it.
 *
 * @see NIST Digital Library of Mathematical Functions, 10.32.9 and 3.5(i).
 */
function scaledBesselK(x: number): number {
  const step = 1 / 32;
  let sum = 0.5;
  for (let t = step; ; t += step) {
    const height = Math.sinh(t / 2);
    const term = Math.exp(-2 * x * height * height) * Math.cosh(t / 4);
    sum += term;
    if (term < sum * 1e-18) return sum * step;
  }
}

/** The share of all orders of n and m values whose U is at least as large. */
function exactPValue(u: number, n: number, m: number): number {
  if (Math.max(n, m) > 100)
    throw new RangeError(`exact Cramér–von Mises takes at most 100 values a side, got ${n}, ${m}`);
  const product = n * m;
  const common = leastCommonMultiple(n, m);
  const [a, b] = [common / n, common / m];
  const bound = Math.floor((common ** 2 * (n + m) * (6 * u - product * (4 * product - 1))) / (6 * product ** 2) + 1e-6);
  // For each number v of reference values so far: how often each sum of squared gaps occurs among the lattice paths.
  let frequencies: Map<number, number>[] = Array.from({ length: n + 1 }, () => new Map<number, number>());
  frequencies[0]!.set(0, 1);
  for (let w = 0; w <= m; w += 1) {
    const next: Map<number, number>[] = [];
    let row = new Map<number, number>();
    frequencies.forEach((from, v) => {
      const gap = (a * v - b * w) ** 2;
      const sums = new Map<number, number>();
      for (const part of [row, from]) {
        for (const [sum, count] of part) sums.set(sum + gap, (sums.get(sum + gap) ?? 0) + count);
      }
      next.push(sums);
      row = sums;
    });
    frequencies = next;
  }
  let reached = 0;
  let all = 0;
  for (const [sum, count] of frequencies[n]!) {
    all += count;
    if (sum >= bound) reached += count;
  }
  return reached / all;
}

function leastCommonMultiple(n: number, m: number): number {
  let [a, b] = [n, m];
  while (b !== 0) [a, b] = [b, a % b];
  return (n / a) * m;
}
