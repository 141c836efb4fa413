import { chiSquareSurvival } from '@gyre/drift';

/** Rows, and the sum of their errors. */
export type Tally = [rows: number, errors: number];

/** A rise of the error that the bins of a feature do not share alike. */
export interface UnevenRise {
  /** Where it lies most. */
  bins: number[];
  /** That the bins share it alike all the same. */
  pValue: number;
  /** By how much they share it more unequally than by chance: the statistic, less what it is expected to be. */
  strength: number;
}

/** How a rise that hits all rows alike shows at a level of the error: `slope` times its size. */
interface Alike {
  slope(level: number): number;
  /** Of the slope with the level. */
  bend: number;
}

/** A bin of which fewer rows are known from before says nothing. */
const ROWS_BEFORE_MIN = 30;
/**
 * Where next to all or none of a few 0/1 errors are expected, the first exception would count like a landslide. So the variance of a row has a least, and
 * that of a bin has this in addition. With both, simulated rises that hit all rows alike (2 % to 30 % wrong before, a tenth to all of them turned, 5 to 20
 * bins, 30 to 500 rows) were found uneven about as often as the level of the test allows, or less.
 */
const VARIANCE_MIN = 0.05;
const VARIANCE_ADDED = 0.5;

interface Known {
  bin: number;
  n: number;
  errors: number;
  /** Before, and the mean of their errors. */
  rows: number;
  level: number;
}

interface Bin {
  bin: number;
  /** Errors beyond those of a rise that all bins share, and their variance. */
  beyond: number;
  variance: number;
  perRow: number;
}

/**
 * Whether a feature tells the rows in which the error rose from the others.
 *
 * It is held against a rise that hits all rows alike: of a share of them the answer turns, so that those that were right are wrong, and of those that were
 * wrong one in `classes` − 1 is right. Bins that were wrong more often then rise by less, and that is no slice. A regression's errors grow all by one
 * factor, or all by one amount; neither is a slice. What the bins have beyond it makes a chi-square over all of them, which allows for any choice among
 * their unions (after Scheffé).
 *
 * @param before and @param after by bin
 * @param classes of the label; 0 of a regression, whose errors are taken to deviate by about their mean
 * @returns null where nothing rose, or too little is known
 */
export function unevenRise(before: readonly Tally[], after: readonly Tally[], classes: number): UnevenRise | null {
  const known = after.flatMap(([n, errors], bin): Known[] => {
    const [rows, sum] = before[bin]!;
    return n === 0 || rows < ROWS_BEFORE_MIN ? [] : [{ bin, n, errors, rows, level: (sum + 0.5) / (rows + 1) }];
  });
  const rise = known.reduce((sum, { n, errors, level }) => sum + errors - n * level, 0);
  if (known.length < 2 || !(rise > 0)) return null;
  const found = waysOf(classes).map((alike) => heldAgainst(alike, known, rise, classes));
  return found.reduce((least, one) => (one === null || least === null || one.strength > least.strength ? least : one));
}

function waysOf(classes: number): Alike[] {
  if (classes === 0)
    return [
      { slope: (level) => level, bend: 1 },
      { slope: () => 1, bend: 0 },
    ];
  const bend = -classes / (classes - 1);
  return [{ slope: (level) => 1 + bend * level, bend }];
}

function heldAgainst(
  { slope, bend }: Alike,
  known: readonly Known[],
  rise: number,
  classes: number,
): UnevenRise | null {
  const room = known.reduce((sum, { n, level }) => sum + n * slope(level), 0);
  // Answers that were worse than chance cannot turn for the worse.
  if (!(room > 0)) return null;
  const size = rise / room;
  const varianceAt = (level: number) => (classes === 0 ? level * level : Math.max(VARIANCE_MIN, level * (1 - level)));
  const usual = known.reduce((sum, { n, level }) => sum + n * level, 0) / known.reduce((sum, { n }) => sum + n, 0);
  const bins = known.map(({ bin, n, errors, rows, level }): Bin => {
    const expected = level + size * slope(level);
    // The level before is itself known from so many rows. One that is low by chance is no surer than the others.
    const doubt = (n * n * (1 + size * bend) ** 2 * Math.max(varianceAt(level), varianceAt(usual))) / rows;
    const added = VARIANCE_ADDED * (classes === 0 ? expected * expected : 1);
    const beyond = errors - n * expected;
    return { bin, beyond, variance: n * varianceAt(expected) + doubt + added, perRow: beyond / n };
  });
  const statistic = bins.reduce((sum, { beyond, variance }) => sum + (beyond * beyond) / variance, 0);
  const freedom = bins.length - 1;
  return { bins: mostApart(bins), pValue: chiSquareSurvival(statistic, freedom), strength: statistic - freedom };
}

/** The bins that rose most, as many of them as lie farthest apart from the others. */
function mostApart(bins: readonly Bin[]): number[] {
  const ordered = [...bins].sort((a, b) => b.perRow - a.perRow);
  const all = ordered.reduce((sum, { variance }) => sum + variance, 0);
  let [beyond, variance, most, count] = [0, 0, 0, 0];
  ordered.slice(0, -1).forEach((one, i) => {
    beyond += one.beyond;
    variance += one.variance;
    const apart = beyond * beyond * (1 / variance + 1 / (all - variance));
    if (apart <= most) return;
    most = apart;
    count = i + 1;
  });
  const bad = ordered.slice(0, count).map(({ bin }) => bin);
  return bad.sort((a, b) => a - b);
}
