/** What a model is asked for: one of two classes, one of several, or a number. */
export type Task = 'binary' | 'multiclass' | 'regression';

/**
 * Rows to learn from, in time order where time matters.
 *
 * `features` is row-major float32 of shape [rows, width]; NaN says that a value is missing, infinities are refused.
 * `labels` has shape [rows]: 0 or 1 (binary), a class index 0..classes-1 (multiclass), or a number of magnitude at
 * most 1e100 (regression), so that squares and their sums stay finite.
 */
export interface Dataset {
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
  readonly labels: Float64Array;
}

/** Rows `from` (inclusive) to `to` (exclusive). */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

const LABEL_MAX = 1e100;

/** How many columns a model of this task predicts with: the classes, or 1 for a regression. */
export function columnsOf(task: Task, classes: number | undefined): number {
  if (task === 'regression') return 1;
  if (task === 'binary') {
    if (classes !== undefined && classes !== 2) throw new RangeError(`A binary task has 2 classes, got ${classes}`);
    return 2;
  }
  if (classes === undefined || !Number.isInteger(classes) || classes < 2) {
    throw new RangeError(`A multi-class task states its number of classes, at least 2, got ${classes}`);
  }
  return classes;
}

/**
 * The rows of a range, sharing memory with the whole: nothing is copied.
 *
 * @throws RangeError if the range is not within the rows.
 */
export function rowsOf(data: Dataset, range: RowRange): Dataset {
  const { from, to } = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > data.rows) {
    throw new RangeError(`Rows ${from} to ${to} are not within 0 to ${data.rows}`);
  }
  return {
    features: data.features.subarray(from * data.width, to * data.width),
    rows: to - from,
    width: data.width,
    labels: data.labels.subarray(from, to),
  };
}

/**
 * Refuses what no trainer can learn from, in one pass.
 *
 * @param columns the number of classes, or 1 for a regression, see {@link columnsOf}
 * @throws RangeError on shapes that disagree, an infinite feature, or a label outside its task's range.
 */
export function checkDataset(data: Dataset, task: Task, columns: number): void {
  const { features, rows, width, labels } = data;
  if (!Number.isInteger(rows) || rows < 0) throw new RangeError(`Rows are a count, got ${rows}`);
  if (!Number.isInteger(width) || width < 1) throw new RangeError(`A row has at least one feature, got ${width}`);
  if (features.length !== rows * width) {
    throw new RangeError(`${rows} rows of ${width} features are not ${features.length} values`);
  }
  if (labels.length !== rows) throw new RangeError(`${rows} rows have ${labels.length} labels`);
  for (let i = 0; i < features.length; i++) {
    const value = features[i]!;
    if (value - value !== 0 && value === value) {
      throw new RangeError(`Row ${Math.floor(i / width)}, feature ${i % width} is infinite`);
    }
  }
  for (let i = 0; i < rows; i++) {
    const label = labels[i]!;
    const fits =
      task === 'regression' ? Math.abs(label) <= LABEL_MAX : Number.isInteger(label) && label >= 0 && label < columns;
    if (!fits) throw new RangeError(`Row ${i} has the label ${label}, which no ${task} task of ${columns} knows`);
  }
}
