import { normalSurvival } from './normal.js';
import type { NumericPair } from './numeric-pair.js';

export interface MannWhitney {
  /** U of the reference: pairs in which its value is the larger, a tie counting half. */
  statistic: number;
  /** U / (nm): the chance that a value of the reference exceeds one of the current sample; 0.5 when neither tends to. */
  effect: number;
  pValue: number;
  /** How the p-value was found. */
  method: 'exact' | 'asymptotic';
}

/** nm up to which `auto` takes the exact p-value. */
const EXACT_PAIRS_MAX = 10_000;

/**
 * The two-sided Mann–Whitney (Wilcoxon rank-sum) test: whether one sample's values tend to be larger.
 *
 * `asymptotic` is normal, with the variance corrected for ties and half a pair for continuity. `exact` takes no account of ties, and of a half
 * pair as none, as scipy does; `auto` takes it without ties up to nm = 10,000. Two constant samples of one value have a p-value of 1.
 *
 * @see H. B. Mann, D. R. Whitney (1947), Annals of Mathematical Statistics 18:50-60; M. Hollander, D. A. Wolfe (1973), section 4.1, for ties.
 */
export function mannWhitney(pair: NumericPair, method: 'exact' | 'asymptotic' | 'auto' = 'auto'): MannWhitney {
  const { values, reference, current } = pair.pooled;
  const n = pair.reference.values.length;
  const m = pair.current.values.length;
  let u = 0;
  let tieTerm = 0;
  for (let row = 0, i = 0, j = 0; row < values.length; row += 1) {
    const [nextI, nextJ] = [reference[row]!, current[row]!];
    u += (nextI - i) * (j + (nextJ - j) / 2);
    const tied = nextI - i + nextJ - j;
    tieTerm += tied * (tied * tied - 1);
    i = nextI;
    j = nextJ;
  }
  const untied = values.length === n + m;
  const chosen = method === 'auto' ? (untied && n * m <= EXACT_PAIRS_MAX ? 'exact' : 'asymptotic') : method;
  const larger = Math.max(u, n * m - u);
  const pValue = chosen === 'exact' ? exactPValue(larger, n, m) : asymptoticPValue(larger, n, m, tieTerm);
  return { statistic: u, effect: u / (n * m), pValue, method: chosen };
}

function asymptoticPValue(u: number, n: number, m: number, tieTerm: number): number {
  const all = n + m;
  const variance = ((n * m) / 12) * (all + 1 - tieTerm / (all * (all - 1)));
  if (!(variance > 0)) return 1;
  return Math.min(1, 2 * normalSurvival((u - (n * m) / 2 - 0.5) / Math.sqrt(variance)));
}

/** Twice the share of all orders in which the smaller U is at most what it is: small shares are sums of positive terms and keep their digits. */
function exactPValue(u: number, n: number, m: number): number {
  const top = n * m - Math.floor(u);
  // Shares and not counts, which would overflow. The orders of i and m values, by U, are a Gaussian binomial, which grows by the factor
  // (1 − q^(m+i))/(1 − q^i).
  const shares = new Float64Array(top + 1);
  shares[0] = 1;
  for (let i = 1; i <= n; i += 1) {
    for (let at = top; at >= m + i; at -= 1) shares[at]! -= shares[at - m - i]!;
    for (let at = i; at <= top; at += 1) shares[at]! += shares[at - i]!;
    for (let at = 0; at <= top; at += 1) shares[at]! *= i / (m + i);
  }
  return Math.min(1, 2 * shares.reduce((sum, share) => sum + share, 0));
}
