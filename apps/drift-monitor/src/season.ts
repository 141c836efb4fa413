/** Parts of a period that are told apart: of a day, each has two hours. */
export const PHASES = 12;

/** @param period ms; null where there is no season: then all times are phase 0 */
export function phaseOf(time: number, period: number | null): number {
  if (period === null) return 0;
  const within = ((time % period) + period) % period;
  return Math.min(PHASES - 1, Math.floor((within / period) * PHASES));
}

export function phasesOf(period: number | null): number {
  return period === null ? 1 : PHASES;
}
