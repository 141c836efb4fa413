import { GyreError } from '@gyre/contracts/errors';
import { numericSample, type NumericSample } from '@gyre/drift';
import type { NestedColumn, Selection } from './column.js';
import { readTable } from './read-table.js';

/** A column as it is compared: sorted numbers, or how often each text occurs; and its cells in the sampled rows. */
export type PreparedColumn =
  | NestedColumn
  | { kind: 'numeric'; name: string; sample: NumericSample; sampled: Float64Array }
  | {
      kind: 'text';
      name: string;
      levels: [level: string, count: number][];
      missing: number;
      sampled: (string | null)[];
    };

export interface PreparedTable {
  /** All columns of the file, in its order. */
  names: string[];
  rows: number;
  /** The selected ones. */
  columns: PreparedColumn[];
}

/** Beyond it squares overflow. */
const MAGNITUDE_MAX = 1e100;

/** Reads columns of a file and sorts their numbers. @throws GyreError BAD_REQUEST with file, and line where there is one */
export async function prepareTable(file: string, selection: Selection): Promise<PreparedTable> {
  const { names, rows, columns } = await readTable(file, selection);
  return {
    names,
    rows,
    columns: columns.map((column) => {
      if (column.kind === 'nested') return column;
      const { kind, name, missing } = column;
      if (kind === 'text') return { kind, name, levels: [...column.levels], missing, sampled: column.sampled };
      const { values, sampled } = column;
      // A column without a value is of no kind; as text it can be compared with either.
      if (values.length === 0)
        return { kind: 'text', name, levels: [], missing, sampled: Array.from(sampled, () => null) };
      const huge = values.find((value) => Math.abs(value) > MAGNITUDE_MAX);
      if (huge !== undefined)
        throw new GyreError(
          'BAD_REQUEST',
          `${file}, column "${name}": ${huge} is too large; numbers up to ${MAGNITUDE_MAX} are compared (--columns leaves columns out)`,
        );
      return { kind, name, sample: { ...numericSample(values), missing }, sampled };
    }),
  };
}
