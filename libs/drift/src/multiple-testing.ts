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
export const benjaminiHochberg: Correction = (pValues) => stepUp(pValues, (p, rank, n) => (p * n) / (rank + 1));

/**
 * False discovery rate under any dependence: Benjamini and Hochberg's, times 1 + 1/2 + … + 1/n.
 *
 * @see Y. Benjamini, D. Yekutieli (2001), The Control of the False Discovery Rate in Multiple Testing under Dependency, Annals of Statistics 29:1165-1188.
 */
export const benjaminiYekutieli: Correction = (pValues) => {
  const harmonic = pValues.reduce((sum, _, i) => sum + 1 / (i + 1), 0);
  return stepUp(pValues, (p, rank, n) => Math.min(1, (p * n * harmonic) / (rank + 1)));
};

/**
 * Family-wise error for independent or positively dependent tests: Holm's factors, stepping up, and so never worse than Holm's.
 *
 * @see Y. Hochberg (1988), A Sharper Bonferroni Procedure for Multiple Tests of Significance, Biometrika 75:800-802.
 */
export const hochberg: Correction = (pValues) => stepUp(pValues, (p, rank, n) => Math.min(1, p * (n - rank)));

/**
 * Family-wise error of independent tests: 1 − (1 − p)ⁿ.
 *
 * @see Z. Šidák (1967), Rectangular Confidence Regions for the Means of Multivariate Normal Distributions, JASA 62:626-633.
 */
export const sidak: Correction = (pValues) => {
  requireProbabilities(pValues);
  return pValues.map((p) => -Math.expm1(pValues.length * Math.log1p(-p)));
};

/** Adjusts each p-value by its rank, from 0, and lets none be larger than the next larger p-value's. */
function stepUp(pValues: readonly number[], adjust: (p: number, rank: number, n: number) => number): number[] {
  const adjusted: number[] = [];
  let smallest = 1;
  ranked(pValues)
    .map(([p, at], rank) => [adjust(p, rank, pValues.length), at] as const)
    .toReversed()
    .forEach(([p, at]) => {
      smallest = Math.min(smallest, p);
      adjusted[at] = smallest;
    });
  return adjusted;
}

/** The p-values with their places, smallest first. */
function ranked(pValues: readonly number[]): [p: number, at: number][] {
  requireProbabilities(pValues);
  return pValues.map((p, at): [number, number] => [p, at]).sort((a, b) => a[0] - b[0]);
}

function requireProbabilities(pValues: readonly number[]): void {
  for (const p of pValues) requireOption(p >= 0 && p <= 1, 'a p-value lies in [0, 1]', p);
}
