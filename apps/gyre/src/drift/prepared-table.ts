import { numericSample, type NumericSample } from '@gyre/drift';
import type { Selection } from './column.js';
import { readTable } from './read-table.js';

/** A column as it is compared: sorted numbers, or how often each text occurs. */
export type PreparedColumn =
  | { kind: 'numeric'; name: string; sample: NumericSample }
  | { kind: 'text'; name: string; levels: [level: string, count: number][]; missing: number };

export interface PreparedTable {
  /** All columns of the file, in its order. */
  names: string[];
  rows: number;
  /** The selected ones. */
  columns: PreparedColumn[];
}

/** Reads columns of a file and sorts their numbers. @throws GyreError BAD_REQUEST with file, and line where there is one */
export async function prepareTable(file: string, selection: Selection): Promise<PreparedTable> {
  const { names, rows, columns } = await readTable(file, selection);
  return {
    names,
    rows,
    columns: columns.map((column) => {
      const { kind, name, missing } = column;
      if (kind === 'text') return { kind, name, levels: [...column.levels], missing };
      // A column without a value is of no kind; as text it can be compared with either.
      if (column.values.length === 0) return { kind: 'text', name, levels: [], missing };
      return { kind, name, sample: { ...numericSample(column.values), missing } };
    }),
  };
}
