import { requireOption } from './detector.js';
import { STAKES } from './stakes.js';

/** The logarithm of the likelihood ratio of one row that is no hit, by stake: it does not depend on the share. */
const OF_MISS = STAKES.map((stake) => Math.log1p(-stake));

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
  /** The logarithm of the likelihood ratio of one hit, by stake. */
  private readonly ofHit: number[];

  /** @param share p, in (0, 1) @throws RangeError */
  constructor(share: number) {
    requireOption(share > 0 && share < 1, 'ShareRise: a share lies in (0, 1)', share);
    this.ofHit = STAKES.map((stake) => Math.log1p((stake * (1 - share)) / share));
  }

  /** @param hits of the `rows` of a batch @returns the evidence: 1/rate or more is an alarm at that rate */
  add(hits: number, rows: number): number {
    requireOption(hits >= 0 && hits <= rows, 'ShareRise: hits are at most the rows', hits);
    let all = 0;
    for (let i = 0; i < STAKES.length; i++) {
      const ratio = hits * this.ofHit[i]! + (rows - hits) * OF_MISS[i]!;
      // An alarm is far below; a sum that no JSON could hold says no more.
      const sum = Math.min(1e200, (this.sums[i]! + rows) * Math.exp(ratio));
      this.sums[i] = sum;
      all += sum;
    }
    return all / STAKES.length;
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
