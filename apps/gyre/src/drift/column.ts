/** A column of numbers: those it has, in the order of the rows. */
export interface NumericColumn {
  kind: 'numeric';
  name: string;
  values: Float64Array;
  /** Rows without a value: empty, a word for nothing, NaN or an infinity. */
  missing: number;
}

/** A column of texts, as how often each occurs. */
export interface TextColumn {
  kind: 'text';
  name: string;
  levels: Map<string, number>;
  missing: number;
}

export type Column = NumericColumn | TextColumn;

/** What of a file is to be read; plain data, for it goes to a thread. */
export interface Selection {
  /** Only these columns; all, if there is no list. */
  columns?: ReadonlySet<string>;
  /** Columns to be read as text, whatever they hold. */
  textColumns?: ReadonlySet<string>;
}

/** A data file as it is compared: the selected columns, without the order of the rows across them. */
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

  column(name: string): NumericColumn {
    return { kind: 'numeric', name, values: this.values.subarray(0, this.length), missing: this.missing };
  }
}
