/**
 * What each feature contributes to scores, by Shapley values: for every row and output, `expected` plus the sum of the row's contributions is its score.
 */
export interface Explanation {
  /** The score before anything is known of a row: float64 of shape [outputs]. */
  readonly expected: Float64Array;
  /** Contributions, in the score's unit (log-odds for classes): float64, row-major of shape [rows, outputs, width]. */
  readonly contributions: Float64Array;
}

/** Rows that say what is usual: features outside a coalition take their values. */
export interface Background {
  /** Row-major of shape [rows, width]. */
  readonly features: ArrayLike<number>;
  /** At least 1. */
  readonly rows: number;
}

/** @throws RangeError unless there are rows × width features, and at least one background row */
export function checkRows(what: string, features: ArrayLike<number>, rows: number, width: number, atLeast = 0): void {
  if (!Number.isInteger(rows) || rows < atLeast || features.length !== rows * width) {
    throw new RangeError(`${what}: ${rows} rows of ${width} features are not ${features.length} values`);
  }
}
