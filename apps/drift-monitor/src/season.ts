import type { ModelInForce } from '@gyre/contracts';

/** Parts of a period that are told apart: of a day, each has two hours. */
export const PHASES = 12;

/**
 * The period by which a version is watched, ms: the declared one, or the one that its training data show.
 *
 * @param learned null where they show none
 */
export function periodFor(seasonality: ModelInForce['drift']['seasonality'], learned: number | null): number | null {
  return seasonality === 'learned' ? learned : (seasonality ?? null);
}

/** @param period ms; null where there is no season: then all times are phase 0 */
export function phaseOf(time: number, period: number | null): number {
  if (period === null) return 0;
  const within = ((time % period) + period) % period;
  return Math.min(PHASES - 1, Math.floor((within / period) * PHASES));
}

export function phasesOf(period: number | null): number {
  return period === null ? 1 : PHASES;
}
