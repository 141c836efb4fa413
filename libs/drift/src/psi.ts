import type { BinnedWindowState } from './binned-window.js';
import { chiSquareSurvival } from './gamma.js';
import { requireSameLength, sharesAboveZero, totalOf } from './shares.js';

export interface PsiTest {
  /** Population stability index, in nats; 0 when the shares are equal. */
  psi: number;
  /** About chi-square distributed when both samples come from one distribution. */
  statistic: number;
  /** Bins in use, less one. */
  degreesOfFreedom: number;
  /** Probability of a statistic at least as large by chance. */
  pValue: number;
}

/**
 * Population stability index of two vectors of counts over the same bins: Σ (p − q) ln(p/q) over their shares.
 *
 * A bin that is empty on one side gets the share 0.0001 there, or a millionth of that side's smallest share if that is at or
 * below 0.0001; the shares are not scaled back to 1. So does Evidently. A bin that is empty on both sides counts for nothing.
 *
 * @param reference counts of the reference, as many as `current` has; each side sums to at least 1
 * @param forZero what to take for an empty bin's share instead
 * @throws RangeError if a side is empty or the lengths differ
 * @see Evidently 0.7.23, `evidently.legacy.calculations.stattests`; N. Siddiqi (2006), Credit Risk Scorecards, for the index.
 */
export function psi(reference: readonly number[], current: readonly number[], forZero?: number): number {
  requireSameLength(reference, current);
  const p = sharesAboveZero(reference, forZero);
  const q = sharesAboveZero(current, forZero);
  let sum = 0;
  for (let i = 0; i < p.length; i += 1) {
    if (reference[i] !== 0 || current[i] !== 0) sum += (p[i]! - q[i]!) * Math.log(p[i]! / q[i]!);
  }
  return sum;
}

/**
 * Whether two vectors of counts differ by more than chance, so that a small sample does not alarm by being small.
 *
 * With n and m rows, PSI · nm/(n + m) is asymptotically chi-square with one degree of freedom fewer than bins. For small
 * samples it is not: with the index as `psi` takes it, 20 rows in ten bins are "significant" at 5 % seven times in ten, because
 * one empty bin counts like a landslide. The statistic here is therefore the smaller of two that have the same limit: that
 * index after half a row is added to every bin on both sides, and Pearson's chi-square of the two samples. The first is too
 * eager where many bins expect a few rows, the second where a rare bin expects almost none; the smaller of both stayed at or
 * below its level in all of 25 simulated settings (2 to 20 bins, even and skewed, 20 rows up, levels 1 % and 0.1 %).
 *
 * @throws RangeError if a side is empty or the lengths differ
 * @see B. Yurdakul (2018), Statistical Properties of Population Stability Index, dissertation, Western Michigan University.
 */
export function psiTest(reference: readonly number[], current: readonly number[]): PsiTest {
  const index = psi(reference, current);
  const used = reference.flatMap((count, i) => (count + current[i]! > 0 ? [[count, current[i]!] as const] : []));
  const n = totalOf(reference);
  const m = totalOf(current);
  const half = used.length / 2;
  let smoothed = 0;
  let pearson = 0;
  for (const [r, c] of used) {
    const p = (r + 0.5) / (n + half);
    const q = (c + 0.5) / (m + half);
    smoothed += (p - q) * Math.log(p / q);
    pearson += (r / n - c / m) ** 2 / (r + c);
  }
  const statistic = Math.min((smoothed * n * m) / (n + m), pearson * n * m);
  const degreesOfFreedom = used.length - 1;
  return { psi: index, statistic, degreesOfFreedom, pValue: chiSquareSurvival(statistic, degreesOfFreedom) };
}

/** The p-value of `psiTest`. */
export function psiPValue(reference: readonly number[], current: readonly number[]): number {
  return psiTest(reference, current).pValue;
}

/** The counts with the missing rows as a bin of their own, as `psi` and `psiTest` take them. */
export function countsWithMissing({ counts, missing }: BinnedWindowState): number[] {
  return [...counts, missing];
}
