/** A column of numbers: those it has, in the order of the rows. */
export interface NumericColumn {
  kind: 'numeric';
  name: string;
  values: Float64Array;
  /** Rows without a value: empty, a word for nothing, NaN or an infinity. */
  missing: number;
  /** Its cells in the table's sampled rows; NaN is missing. */
  sampled: Float64Array;
}

/** A column of texts, as how often each occurs. */
export interface TextColumn {
  kind: 'text';
  name: string;
  levels: Map<string, number>;
  missing: number;
  /** Its cells in the table's sampled rows; null is missing. */
  sampled: (string | null)[];
}

/** A column of lists, structures, bytes or spans of time, which has no distribution that is compared. */
export interface NestedColumn {
  kind: 'nested';
  name: string;
  /** As Parquet's reader calls it. */
  type: string;
}

export type PlainColumn = NumericColumn | TextColumn;
export type Column = PlainColumn | NestedColumn;

/** What of a file is to be read; plain data, for it goes to a thread. */
export interface Selection {
  /** Only these columns; all, if there is no list. */
  columns?: ReadonlySet<string>;
  /** Columns to be read as text, whatever they hold. */
  textColumns?: ReadonlySet<string>;
}

/** So many whole rows of a table are kept, by chance, for what is asked of the columns together: its cost is bounded by them. */
export const SAMPLED_ROWS_MAX = 1000;

/** A data file as it is compared: the selected columns, without the order of the rows across them but for some that are sampled. */
export interface Table {
  /** All columns of the file, in its order. */
  names: string[];
  rows: number;
  columns: Column[];
}

/** Numbers in memory that grows. */
export class NumberStore {
  missing = 0;
  private values = new Float64Array(1 << 14);
  private length = 0;

  add(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(2 * this.length);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  /** @param sampled its cells in the sampled rows */
  column(name: string, sampled: Float64Array): NumericColumn {
    return { kind: 'numeric', name, values: this.values.subarray(0, this.length), missing: this.missing, sampled };
  }
}
