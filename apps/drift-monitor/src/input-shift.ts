import type { Cause, FeatureReference } from '@gyre/contracts';
import { holm, psiTest } from '@gyre/drift';
import { percent } from './findings.js';

/** A shift is told where it is no chance, over all features of a window together, and large: 0.2 is the customary limit of the index (Siddiqi 2006). */
const PSI_MIN = 0.2;
const CAUSES_MAX = 5;

/**
 * The features whose values moved, the one that moved most first: of the values that are there, for what is missing is a matter of quality.
 *
 * @param before and @param now rows by feature and bin
 * @param pMax of the shift, corrected for all features (Holm)
 */
export function movedFeatures(
  reference: readonly FeatureReference[],
  before: readonly (readonly number[])[],
  now: readonly (readonly number[])[],
  pMax: number,
  psiMin = PSI_MIN,
): Cause[] {
  const tests = before.map((counts, i) => shift(counts, now[i]!));
  const corrected = holm(tests.map(({ pValue }) => pValue));
  return tests
    .map(({ psi }, i) => ({ psi, i }))
    .filter(({ psi, i }) => psi >= psiMin && corrected[i]! <= pMax)
    .sort((a, b) => b.psi - a.psi)
    .slice(0, CAUSES_MAX)
    .map(({ psi, i }) => cause(reference[i]!, psi, before[i]!, now[i]!));
}

/** The shift in words, by the bin that has gained or lost most. */
function cause(
  { feature, edges }: FeatureReference,
  psi: number,
  reference: readonly number[],
  window: readonly number[],
): Cause {
  const [was, is] = [sharesOf(reference), sharesOf(window)];
  let most = 0;
  for (let bin = 1; bin < was.length; bin++)
    if (Math.abs(is[bin]! - was[bin]!) > Math.abs(is[most]! - was[most]!)) most = bin;
  const [before, after] = [was[most]!, is[most]!];
  const words = `${feature} moved (PSI ${psi.toFixed(2)}): values ${rangeOf(edges, most)} went from ${percent(before)} to ${percent(after)}`;
  return { kind: 'feature', name: feature, words, before, after };
}

/** A side without values says nothing about a shift. */
function shift(reference: readonly number[], window: readonly number[]): { psi: number; pValue: number } {
  const isEmpty = (counts: readonly number[]) => counts.every((count) => count === 0);
  return isEmpty(reference) || isEmpty(window) ? { psi: 0, pValue: 1 } : psiTest(reference, window);
}

function sharesOf(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all);
}

/** A bin in words: `below 3`, `from 3 to 5`, `of 5 or more`. */
export function rangeOf(edges: readonly number[], bin: number): string {
  const [low, high] = [edges[bin - 1], edges[bin]];
  const written = (edge: number) => String(Number(edge.toPrecision(4)));
  if (low === undefined) return high === undefined ? 'of any size' : `below ${written(high)}`;
  if (high === undefined) return `of ${written(low)} or more`;
  // A value that many rows share has a bin of its own, no wider than the next number.
  return high - low <= 1e-9 * Math.max(Math.abs(low), 1e-9)
    ? `of ${written(low)}`
    : `from ${written(low)} to ${written(high)}`;
}
