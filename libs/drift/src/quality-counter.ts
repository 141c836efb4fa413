import { requireOption } from './detector.js';
import { isPresent } from './reference-bins.js';

/** What is wrong with the values of a feature, apart from their distribution; plain JSON. */
export interface QualityCounts {
  /** Rows, those without a value included. */
  count: number;
  /** Rows without a value: null, undefined or NaN. */
  nulls: number;
  /** Rows whose value lies outside the declared range. */
  outOfRange: number;
}

/** Inclusive; an open side is an infinity left out. */
export interface ValueRange {
  min?: number;
  max?: number;
}

/** Counts missing and impossible values of one feature, in O(1). Counters of partitions or minutes merge by adding up. */
export class QualityCounter {
  private readonly min: number;
  private readonly max: number;
  private counts: QualityCounts = { count: 0, nulls: 0, outOfRange: 0 };

  /** @throws RangeError if the range is empty */
  constructor({ min = -Infinity, max = Infinity }: ValueRange = {}) {
    requireOption(min <= max, 'QualityCounter: a range has min <= max', `${min} and ${max}`);
    this.min = min;
    this.max = max;
  }

  /** Takes any number; an infinity is in range only where no limit is declared. */
  add(value: number | null | undefined): void {
    this.counts.count += 1;
    if (!isPresent(value)) this.counts.nulls += 1;
    else if (value < this.min || value > this.max) this.counts.outOfRange += 1;
  }

  merge(other: QualityCounts): void {
    this.counts.count += other.count;
    this.counts.nulls += other.nulls;
    this.counts.outOfRange += other.outOfRange;
  }

  state(): QualityCounts {
    return { ...this.counts };
  }

  restore(state: QualityCounts): void {
    this.counts = { ...state };
  }
}
