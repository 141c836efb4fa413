import { requireOption } from './detector.js';

/** As of the e-detector: shares of the way from the known share to 1. */
const STAKES = [0.8, 0.5, 0.3, 0.18, 0.1, 0.06, 0.03, 0.015] as const;

/**
 * Finds that a share, such as of missing values, rises above a known one, from rows that are counted in batches, in O(1) a batch.
 *
 * Per stake s the Shiryaev-Roberts sum M ← (M + n)·L, where L is the likelihood ratio of the batch's n rows for the share p + s(1 − p) against p. M less the
 * rows seen is a supermartingale while the share is at most p, so reporting at 1/rate has at most `rate` false alarms a row, however the
 * batches are cut; a rise is found in the batch after its own at the latest by as much evidence as row by row.
 *
 * @see J. Shin, A. Ramdas, A. Rinaldo (2024), E-detectors, NEJSDS 2:229-260.
 */
export class ShareRise {
  private sums: number[] = STAKES.map(() => 0);

  /** @param share p, in (0, 1) @throws RangeError */
  constructor(private readonly share: number) {
    requireOption(share > 0 && share < 1, 'ShareRise: a share lies in (0, 1)', share);
  }

  /** @param hits of the `rows` of a batch @returns the evidence: 1/rate or more is an alarm at that rate */
  add(hits: number, rows: number): number {
    requireOption(hits >= 0 && hits <= rows, 'ShareRise: hits are at most the rows', hits);
    const { share } = this;
    this.sums = this.sums.map((sum, i) => {
      const stake = STAKES[i]!;
      const ratio = hits * Math.log1p((stake * (1 - share)) / share) + (rows - hits) * Math.log1p(-stake);
      // An alarm is far below; a sum that no JSON could hold says no more.
      return Math.min(1e200, (sum + rows) * Math.exp(ratio));
    });
    return this.sums.reduce((all, sum) => all + sum, 0) / STAKES.length;
  }

  state(): number[] {
    return [...this.sums];
  }

  /** @throws RangeError if it is none of these */
  restore(state: readonly number[]): void {
    requireOption(state.length === STAKES.length, `ShareRise: a state has ${STAKES.length} sums`, state.length);
    this.sums = [...state];
  }
}
