import type { RowRange } from './dataset.js';

/** A part to train on and the later part to judge by. */
export interface Holdout {
  readonly train: RowRange;
  readonly holdout: RowRange;
}

/** The newest `count` rows, or all when there are fewer. */
export function lastRows(rows: number, count: number): RowRange {
  return { from: Math.max(0, checked(rows) - checked(count)), to: rows };
}

/**
 * Cuts a range in time: the last `fraction` of its rows (rounded to the nearest) is held out, all before it trains.
 * Nothing is shuffled, for a model that has seen the future would look better than it is.
 *
 * @param fraction in (0, 1)
 */
export function timeOrderedHoldout(range: RowRange, fraction: number): Holdout {
  if (!(fraction > 0 && fraction < 1)) throw new RangeError(`A holdout is a share between 0 and 1, got ${fraction}`);
  const cut = range.to - Math.round((range.to - range.from) * fraction);
  return { train: { from: range.from, to: cut }, holdout: { from: cut, to: range.to } };
}

function checked(count: number): number {
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`Rows are counted from 0, got ${count}`);
  return count;
}
