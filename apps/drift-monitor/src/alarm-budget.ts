import type { FalseAlarms } from '@gyre/contracts';

/**
 * How the false alarms that the dial allows are spent over what is watched; together they are all of it (Bonferroni: a rate of alarms of any of
 * several watches is at most the sum of theirs). The error has half, for lost performance is what alarms are about. Features share
 * theirs by Holm's correction within a window, or in equal parts.
 */
export const SHARES = {
  error: 0.5,
  performance: 0.125,
  quality: 0.125,
  covariate: 0.0625,
  together: 0.0625,
  prediction: 0.0625,
  fairness: 0.0625,
} as const;
export type Watched = keyof typeof SHARES;

/** Until the traffic is known, a rate that is stated in time is taken for the default one per row. */
const PER_ROW_AT_FIRST = 1e-5;
/** No watch is turned up beyond this, however slow the traffic is. */
const PER_ROW_MAX = 0.01;

/**
 * False alarms per row that one watch of a model may raise.
 *
 * @param msPerRow the traffic so far; null while it is not known
 */
export function alarmsPerRow(dial: FalseAlarms, msPerRow: number | null, watched: Watched): number {
  const whole =
    typeof dial === 'number'
      ? dial
      : msPerRow === null
        ? PER_ROW_AT_FIRST
        : Math.min(PER_ROW_MAX, dial.perMs * msPerRow);
  // Events may all bear one time.
  return SHARES[watched] * Math.max(whole, 1e-12);
}
