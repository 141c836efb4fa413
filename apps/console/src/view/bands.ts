import type { PerformanceMeasured, VersionMeasured } from '@gyre/contracts';
import { turnsOf } from './answers.js';

/** A time during which one version answered; `version` null is the fallback. */
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
  for (const { version, from, to, fromLabel, toLabel } of windows.flatMap(turnsOf)) {
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

/** Mean of a metric over a version's answers in several windows, each weighted with its labels; null where none has it. */
export function meanOf(answers: readonly VersionMeasured[], metric: string): number | null {
  let sum = 0;
  let rows = 0;
  for (const { metrics, labels } of answers) {
    const value = metrics[metric];
    if (value === null || value === undefined) continue;
    sum += value * labels;
    rows += labels;
  }
  return rows === 0 ? null : sum / rows;
}
