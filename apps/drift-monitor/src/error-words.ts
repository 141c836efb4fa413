import type { LabelRules } from '@gyre/contracts';
import { number, percent } from './findings.js';
import type { Drift, Drop } from './version-watch.js';

/** How a model's error is told to people, and when its rise is large. */
export interface ErrorWords {
  /** The metric, as `MAE`; absent for a share of wrong answers. */
  metric?: 'mae';
  /** What it is, as in `the error was …`. */
  error: string;
  level(error: number): string;
  /** `from … to …` */
  change(before: number, after: number): string;
  isLarge(before: number, after: number): boolean;
  dropped(version: number, drop: Drop): string;
}

/** A rise by this share is large. */
const LARGE_RATIO = 1.5;
/** And so is one of a share of wrong answers by so much. */
const LARGE_RISE = 0.1;

const ofClasses: ErrorWords = {
  error: 'error',
  level: percent,
  change: (before, after) => `from ${percent(before)} to ${percent(after)}`,
  isLarge: (before, after) => after >= LARGE_RATIO * before || after - before >= LARGE_RISE,
  dropped: (version, { value, reference }) =>
    `version ${version} loses ${number(value)} per answer over a window, more than the ${number(reference)} of its holdout`,
};

/** An absolute error has the label's unit, so that only ratios of it say how much it is. */
const ofRegression: ErrorWords = {
  metric: 'mae',
  error: 'mean absolute error',
  level: number,
  change: (before, after) =>
    `from ${number(before)} to ${number(after)}${before > 0 ? ` (${(after / before).toFixed(1)} times)` : ''}`,
  isLarge: (before, after) => after >= LARGE_RATIO * before,
  dropped: (version, { value, reference }) =>
    `version ${version} has a mean absolute error of ${number(value)} over a window, more than the ${number(reference)} of its holdout`,
};

export function errorWordsOf({ type }: LabelRules): ErrorWords {
  return type === 'regression' ? ofRegression : ofClasses;
}

/** A rise in words. */
export function risen(
  words: ErrorWords,
  version: number,
  { before, after, since }: Pick<Drift, 'before' | 'after' | 'since'>,
): string {
  return `the ${words.error} of version ${version} rose ${words.change(before, after)} about ${since} labels ago`;
}
