import { rowsOf, type OutputCounts } from './output-bins.js';

export interface ExpectedErrorState {
  /** By bin of the answer: labelled answers and their errors. */
  judged: Record<string, [number, number]>;
  rows: number;
  errors: number;
  /** Event time of the newest answer that a label has judged. */
  upTo: number;
}

/** A bin's own error rate counts as much as that of all once it has so many rows. */
const PRIOR_ROWS = 10;
/** Fewer labelled answers say too little. */
const ROWS_MIN = 100;

/**
 * How wrong a version probably is about answers that no label has judged, by how wrong it was about answers like these: the error of each bin of
 * answers, weighted by the bins of the rows in question. It is right while the labels of equal answers stay as they were, and so it sees
 * shifts of the inputs and no concept drift.
 *
 * @see NannyML's confidence-based performance estimation, with a histogram for its calibration: counts of partitions add up.
 */
export class ExpectedError {
  private current: ExpectedErrorState = { judged: {}, rows: 0, errors: 0, upTo: 0 };

  judge(bin: number, error: number, at: number): void {
    const { current } = this;
    const known = (current.judged[bin] ??= [0, 0]);
    known[0] += 1;
    known[1] += error;
    current.rows += 1;
    current.errors += error;
    current.upTo = Math.max(current.upTo, at);
  }

  /** Whether labels have judged answers of that time. */
  hasJudged(at: number): boolean {
    return this.current.upTo >= at;
  }

  /** @returns the mean error of the past and the one to be expected of these rows; null where too few answers have been judged */
  of(outputs: OutputCounts): { before: number; after: number } | null {
    const { judged, rows, errors } = this.current;
    const wanted = rowsOf(outputs);
    if (rows < ROWS_MIN || wanted === 0) return null;
    const before = errors / rows;
    let expected = 0;
    for (const [bin, count] of Object.entries(outputs)) {
      const [n, sum] = judged[bin] ?? [0, 0];
      expected += (count * (sum + PRIOR_ROWS * before)) / (n + PRIOR_ROWS);
    }
    return { before, after: expected / wanted };
  }

  state(): ExpectedErrorState {
    const judged = Object.entries(this.current.judged).map(([bin, [n, sum]]) => [bin, [n, sum]]);
    return { ...this.current, judged: Object.fromEntries(judged) as ExpectedErrorState['judged'] };
  }

  restore(state: ExpectedErrorState): void {
    const judged = Object.entries(state.judged).map(([bin, [n, sum]]) => [bin, [n, sum]]);
    this.current = { ...state, judged: Object.fromEntries(judged) as ExpectedErrorState['judged'] };
  }
}
