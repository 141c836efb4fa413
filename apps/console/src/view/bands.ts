import type { PerformanceMeasured } from '@gyre/contracts';

/** Windows in a row that one version answered; `version` null is the fallback. */
export interface Band {
  version: number | null;
  /** Event times, UTC milliseconds: it reaches to where the next one begins. */
  from: number;
  to: number;
  /** Counts of labels, likewise. */
  fromLabel: number;
  toLabel: number;
}

/** How many colours tell versions apart; neighbours in time never share one. */
export const BAND_COLOURS = 5;

/** @param windows oldest first */
export function bandsOf(windows: readonly PerformanceMeasured[]): Band[] {
  const bands: Band[] = [];
  for (const { version, from, to, fromLabel, toLabel } of windows) {
    const last = bands.at(-1);
    if (last !== undefined && last.version === version) {
      last.to = to;
      last.toLabel = toLabel;
      continue;
    }
    if (last !== undefined) {
      last.to = from;
      last.toLabel = fromLabel;
    }
    bands.push({ version, from, to, fromLabel, toLabel });
  }
  return bands;
}

/**
 * A colour for each version, 0 to BAND_COLOURS − 1: the same wherever the version comes back, and for each band another than
 * its neighbours' as long as there are colours enough. The fallback has none.
 */
export function coloursOf(bands: readonly Band[]): Map<number, number> {
  const colours = new Map<number, number>();
  const neighbours = new Map<number, Set<number>>();
  bands.forEach(({ version }, i) => {
    for (const other of [bands[i - 1]?.version, bands[i + 1]?.version]) {
      if (version === null || other === null || other === undefined || other === version) continue;
      neighbours.set(version, (neighbours.get(version) ?? new Set()).add(other));
    }
  });
  let next = 0;
  for (const { version } of bands) {
    if (version === null || colours.has(version)) continue;
    const taken = new Set([...(neighbours.get(version) ?? [])].map((other) => colours.get(other)));
    let colour = next % BAND_COLOURS;
    for (let tries = 0; tries < BAND_COLOURS && taken.has(colour); tries++) colour = (colour + 1) % BAND_COLOURS;
    colours.set(version, colour);
    next = colour + 1;
  }
  return colours;
}

/** The count of labels at an event time, between the windows' ends in proportion; 0 before the first. */
export function labelAt(windows: readonly PerformanceMeasured[], at: number): number {
  let before: PerformanceMeasured | undefined;
  for (const window of windows) {
    if (window.to >= at) {
      if (window.from >= at) return before === undefined || window.from === at ? window.fromLabel : before.toLabel;
      const share = (at - window.from) / (window.to - window.from);
      return Math.round(window.fromLabel + share * (window.toLabel - window.fromLabel));
    }
    before = window;
  }
  return before?.toLabel ?? 0;
}

/** Mean of a metric over windows, each weighted with its labels; null where none has it. */
export function meanOf(windows: readonly PerformanceMeasured[], metric: string): number | null {
  let sum = 0;
  let labels = 0;
  for (const window of windows) {
    const value = window.metrics[metric];
    if (value === null || value === undefined) continue;
    const weight = Math.max(1, window.toLabel - window.fromLabel);
    sum += value * weight;
    labels += weight;
  }
  return labels === 0 ? null : sum / labels;
}
