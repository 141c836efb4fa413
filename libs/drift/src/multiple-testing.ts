import { requireOption } from './detector.js';

/**
 * Adjusted p-values for a family of tests, in the order given: rejecting where the adjusted value is at most alpha keeps the
 * family's error at alpha. All take p-values in [0, 1] and throw RangeError for others.
 */
type Correction = (pValues: readonly number[]) => number[];

/**
 * Family-wise error under any dependence; the simplest, and never better than Holm's.
 *
 * @see O. J. Dunn (1961), Multiple Comparisons Among Means, JASA 56:52-64.
 */
export const bonferroni: Correction = (pValues) => {
  requireProbabilities(pValues);
  return pValues.map((p) => Math.min(1, p * pValues.length));
};

/**
 * Family-wise error under any dependence: the k-th smallest of n is multiplied by n − k + 1.
 *
 * @see S. Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6:65-70.
 */
export const holm: Correction = (pValues) => {
  const adjusted: number[] = [];
  let largest = 0;
  ranked(pValues).forEach(([p, at], rank) => {
    largest = Math.max(largest, Math.min(1, p * (pValues.length - rank)));
    adjusted[at] = largest;
  });
  return adjusted;
};

/**
 * False discovery rate, for independent or positively dependent tests: the k-th smallest of n is multiplied by n/k.
 *
 * @see Y. Benjamini, Y. Hochberg (1995), Controlling the False Discovery Rate, JRSS B 57:289-300.
 */
export const benjaminiHochberg: Correction = (pValues) => {
  const adjusted: number[] = [];
  let smallest = 1;
  ranked(pValues)
    .map(([p, at], rank) => [(p * pValues.length) / (rank + 1), at] as const)
    .toReversed()
    .forEach(([p, at]) => {
      smallest = Math.min(smallest, p);
      adjusted[at] = smallest;
    });
  return adjusted;
};

/** The p-values with their places, smallest first. */
function ranked(pValues: readonly number[]): [p: number, at: number][] {
  requireProbabilities(pValues);
  return pValues.map((p, at): [number, number] => [p, at]).sort((a, b) => a[0] - b[0]);
}

function requireProbabilities(pValues: readonly number[]): void {
  for (const p of pValues) requireOption(p >= 0 && p <= 1, 'a p-value lies in [0, 1]', p);
}
