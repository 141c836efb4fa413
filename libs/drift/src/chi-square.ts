import { chiSquareSurvival } from './gamma.js';
import { requireSameLength, totalOf } from './shares.js';

export interface ChiSquare {
  statistic: number;
  /** Levels in use, less one. */
  degreesOfFreedom: number;
  /** 1 when there is only one level: nothing can differ. */
  pValue: number;
  /** The smallest expected count of a cell. Below 5 the p-value is a rough one. */
  expectedMin: number;
}

/**
 * Pearson's chi-square test of homogeneity of two vectors of counts.
 *
 * @param reference and @param current counts over the same levels; levels that are empty on both sides count for nothing
 * @param yates whether to correct for continuity, with two levels only
 * @throws RangeError if a side is empty or the lengths differ
 */
export function chiSquareTest(reference: ArrayLike<number>, current: ArrayLike<number>, yates = false): ChiSquare {
  return homogeneity(reference, current, (observed, expected, levels) => {
    const correction = yates && levels === 2 ? Math.min(0.5, Math.abs(observed - expected)) : 0;
    return (Math.abs(observed - expected) - correction) ** 2 / expected;
  });
}

/** The likelihood-ratio test of homogeneity, 2 Σ O ln(O/E): as `chiSquareTest`, and close to it unless counts are small. */
export function gTest(reference: ArrayLike<number>, current: ArrayLike<number>): ChiSquare {
  return homogeneity(reference, current, (observed, expected) =>
    observed === 0 ? 0 : 2 * observed * Math.log(observed / expected),
  );
}

/**
 * Cramér's V of two vectors of counts: how strongly the level tells the samples apart, from 0 to 1, whatever the number of rows.
 *
 * @throws RangeError if a side is empty or the lengths differ
 */
export function cramersV(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const { statistic, degreesOfFreedom } = chiSquareTest(reference, current);
  if (degreesOfFreedom === 0) return 0;
  return Math.sqrt(statistic / (totalOf(reference) + totalOf(current)));
}

/**
 * Pearson's goodness of fit of the current counts to the reference's shares, which are taken as known: as Evidently has it. It overstates
 * the evidence unless the reference is much the larger; `chiSquareTest` does not. A level that the reference lacks gives Infinity and a p-value of 0.
 *
 * @throws RangeError if a side is empty or the lengths differ
 */
export function chiSquareAgainst(reference: ArrayLike<number>, current: ArrayLike<number>): ChiSquare {
  const [n, m] = [totalOf(reference), totalOf(current)];
  requireSameLength(reference, current);
  let statistic = 0;
  let levels = 0;
  let expectedMin = Infinity;
  for (let i = 0; i < reference.length; i += 1) {
    if (reference[i] === 0 && current[i] === 0) continue;
    levels += 1;
    const expected = (reference[i]! * m) / n;
    expectedMin = Math.min(expectedMin, expected);
    statistic += (current[i]! - expected) ** 2 / expected;
  }
  return {
    statistic,
    degreesOfFreedom: levels - 1,
    pValue: chiSquareSurvival(statistic, levels - 1),
    expectedMin,
  };
}

function homogeneity(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  cell: (observed: number, expected: number, levels: number) => number,
): ChiSquare {
  requireSameLength(reference, current);
  const [n, m] = [totalOf(reference), totalOf(current)];
  const used = Array.from(reference, (count, i) => count + current[i]!).filter((count) => count > 0).length;
  let statistic = 0;
  let expectedMin = Infinity;
  for (let i = 0; i < reference.length; i += 1) {
    const both = reference[i]! + current[i]!;
    if (both === 0) continue;
    const expected = [(both * n) / (n + m), (both * m) / (n + m)] as const;
    expectedMin = Math.min(expectedMin, ...expected);
    statistic += cell(reference[i]!, expected[0], used) + cell(current[i]!, expected[1], used);
  }
  // The terms of the G-test have either sign, and equal samples may come out a rounding below 0.
  statistic = Math.max(0, statistic);
  return { statistic, degreesOfFreedom: used - 1, pValue: chiSquareSurvival(statistic, used - 1), expectedMin };
}
