import { logGamma } from './gamma.js';

export interface FisherExact {
  /** ad/bc of the table; Infinity when only bc is 0, null when ad is too. */
  oddsRatio: number | null;
  /** Probability, its margins given, of a table no likelier than this one. */
  pValue: number;
  /** One-sided: of an odds ratio as small, and as large. */
  less: number;
  greater: number;
}

/** Tables whose probabilities differ by rounding alone count as equally likely. */
const EQUALLY_LIKELY = 1 + 1e-7;

/**
 * Fisher's exact test of a 2×2 table. O(smallest margin).
 *
 * @param table rows are the reference and the current sample, columns two levels
 * @throws RangeError unless the counts are whole and at least 0
 * @see R. A. Fisher (1935), The Logic of Inductive Inference, Journal of the Royal Statistical Society 98:39-82.
 */
export function fisherExact(table: readonly [readonly [number, number], readonly [number, number]]): FisherExact {
  const [[a, b], [c, d]] = table;
  for (const count of [a, b, c, d]) {
    if (!Number.isInteger(count) || count < 0) throw new RangeError(`Fisher's test takes counts, got ${count}`);
  }
  const oddsRatio = b * c > 0 ? (a * d) / (b * c) : a * d > 0 ? Infinity : null;
  const first = a + b;
  const second = c + d;
  const column = a + c;
  const from = Math.max(0, column - second);
  const to = Math.min(first, column);
  const chance = (x: number) =>
    Math.exp(logChoose(first, x) + logChoose(second, column - x) - logChoose(first + second, column));
  const own = chance(a);
  let pValue = 0;
  let less = 0;
  let greater = 0;
  for (let x = from; x <= to; x += 1) {
    const p = chance(x);
    if (p <= own * EQUALLY_LIKELY) pValue += p;
    if (x <= a) less += p;
    if (x >= a) greater += p;
  }
  return { oddsRatio, pValue: Math.min(1, pValue), less: Math.min(1, less), greater: Math.min(1, greater) };
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}
