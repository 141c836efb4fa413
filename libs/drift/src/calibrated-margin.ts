import { requireOption } from './detector.js';
import { EDetector } from './e-detector.js';
import { Mulberry32 } from './mulberry32.js';

export interface CalibrationOptions {
  /** The dial that is to be kept: false alarms per value, in (0, 1). */
  falseAlarms: number;
  /** Of the e-detector, as it will run. */
  max: number;
  /** The mean of the values in each phase of the season, in [0, max]; one of them where there is no season. */
  levels: readonly number[];
  /** Of the simulation; an unsigned 32-bit integer, default 1. */
  seed?: number;
}

/** Margins that are tried, in standard errors: none below the default, for few alarms of a simulation are no proof. */
const MARGINS = [0.5, 0.75, 1, 1.5, 2, 3] as const;
/** The strictest dial that is simulated: at it the streams may alarm 18 times, which tells a margin that keeps to it from one that does not. */
const SIMULATED_ALARMS_MIN = 1e-4;
const STREAMS = 60;
/** Of one stream: some hundreds for the baseline of each phase, for a young baseline is where false alarms come from. */
const ROWS_MIN = 3_000;
const ROWS_PER_PHASE = 500;
/** A phase's rows come together, as those of an hour do. */
const ROWS_TOGETHER = 20;

/** The dial at which a margin for this one is looked for. */
export function simulatedAlarms(falseAlarms: number): number {
  return Math.max(falseAlarms, SIMULATED_ALARMS_MIN);
}

/**
 * The margin at which an e-detector keeps to its dial on values like these, by simulation: no formula covers that its baseline is learned, least of all
 * one for each phase of a season.
 *
 * Streams are drawn from the sample with replacement, so that nothing changes in them. The smallest margin is taken with which they alarm no more often
 * than the dial allows; it is never below the default of 0.5. O(streams · rows) for each margin: some 200,000 updates with one phase.
 *
 * What that shows ends at a dial of 1 per 10,000 values. For a stricter one the margin of 1 per 10,000 is taken, for the share of the dial that is used
 * grows by half at most as it gets stricter: at a margin of 0.5 it was 0.29 to 0.60 at 1 per 10,000 and 0.17 to 0.52 at 1 per 100,000 (0/1 values with rates of
 * 0.02, 0.2 and 0.5, 1 and 12 phases). A rarer alarm than that is extrapolated, and certified by nothing.
 *
 * @param sample values that the detector will see, at least 20, in [0, max]
 * @throws RangeError
 */
export function calibratedMargin(
  sample: ArrayLike<number>,
  { falseAlarms: dial, max, levels, seed = 1 }: CalibrationOptions,
): number {
  requireOption(sample.length >= 20, 'calibratedMargin: a sample has at least 20 values', sample.length);
  const mean = Array.from(sample).reduce((sum, value) => sum + value, 0) / sample.length;
  const phases = levels.length;
  const rows = Math.max(ROWS_MIN, ROWS_PER_PHASE * phases);
  const falseAlarms = simulatedAlarms(dial);
  const limit = falseAlarms * rows * STREAMS;
  for (const margin of MARGINS) {
    const random = new Mulberry32(seed);
    let alarms = 0;
    for (let stream = 0; stream < STREAMS && alarms <= limit; stream += 1) {
      const detector = new EDetector({ falseAlarms, max, phases, margin, direction: 'up' });
      for (let row = 0; row < rows && alarms <= limit; row += 1) {
        const phase = Math.floor(row / ROWS_TOGETHER) % phases;
        const value = sample[Math.floor(random.next() * sample.length)]!;
        if (detector.update(atLevel(value, levels[phase]!, mean, max, random.next()), phase) === 'drift') alarms += 1;
      }
    }
    if (alarms <= limit) return margin;
  }
  return MARGINS.at(-1)!;
}

/** A value of a sample with this mean, as one of another level: some become 0, or the maximum, so that the mean is that of the level. */
function atLevel(value: number, level: number, mean: number, max: number, chance: number): number {
  if (level < mean) return chance < level / mean ? value : 0;
  return mean < max && chance < (level - mean) / (max - mean) ? max : value;
}
