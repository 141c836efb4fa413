import { psiTest, type PsiTest } from '@gyre/drift';

/** Rows by the number of a bin; bins without rows are absent. */
export type OutputCounts = Record<string, number>;

const PROBABILITY_BINS = 20;
/** Neighbouring bins of a number differ by a tenth. */
const LOG_GROWTH = Math.log(1.1);
const LOG_BIN_MAX = 700;
const GROUPS_MAX = 10;

/**
 * The bin of an answer, by numbers that rise with it: of the probability of the second class, of the likeliest of several classes, or of a real
 * value's sign and logarithm.
 */
export function outputBin(output: readonly number[]): number {
  if (output.length === 1) return logBin(output[0]!);
  if (output.length === 2) return Math.min(PROBABILITY_BINS - 1, Math.floor(output[1]! * PROBABILITY_BINS));
  let best = 0;
  for (let i = 1; i < output.length; i++) if (output[i]! > output[best]!) best = i;
  return best;
}

function logBin(value: number): number {
  if (value === 0 || Number.isNaN(value)) return 0;
  const size = Math.ceil(Math.log(Math.abs(value)) / LOG_GROWTH);
  return Math.sign(value) * (Math.min(LOG_BIN_MAX, Math.max(-LOG_BIN_MAX, size)) + LOG_BIN_MAX + 1);
}

/** Compares two sets of answers in at most ten groups of neighbouring bins, each with about as many rows of the reference as the others. */
export function outputShift(reference: OutputCounts, current: OutputCounts): PsiTest {
  const bins = [...new Set([...Object.keys(reference), ...Object.keys(current)])].map(Number).sort((a, b) => a - b);
  const wanted = rowsOf(reference) / GROUPS_MAX;
  const [before, after] = [[0], [0]];
  for (const bin of bins) {
    if (before.at(-1)! >= wanted) {
      before.push(0);
      after.push(0);
    }
    before[before.length - 1]! += reference[bin] ?? 0;
    after[after.length - 1]! += current[bin] ?? 0;
  }
  return psiTest(before, after);
}

export function rowsOf(counts: OutputCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function addCounts(to: OutputCounts, more: OutputCounts): void {
  for (const [bin, count] of Object.entries(more)) to[bin] = (to[bin] ?? 0) + count;
}
