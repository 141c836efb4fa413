import type { Topic } from '@gyre/contracts';
import type { Recorded } from '@gyre/platform';
import type { Column, Columns, ColumnType } from './staging.js';

/** A part of a topic's events as a table: those of one view or one model, so that all its rows have the same columns. */
export interface Table extends Columns {
  /** The view or the model. */
  name: string;
  /** Earliest and latest time of its rows, UTC milliseconds: of the observation, or of the prediction that a row is about. */
  from: number;
  to: number;
}

/** How a topic's events become rows. Every row also gets the partition and the offset of its event. */
export interface Layout<E> {
  topic: Topic<E>;
  /** The table that an event belongs to: its view or its model. null: it is no row of any. */
  table(event: E): string | null;
  /** The time by which its rows are looked for. */
  time(event: E): number;
  columns(records: readonly Recorded<E>[]): ColumnRule<E>[];
}

/** How a column is made of records. */
export interface ColumnRule<E> {
  name: string;
  type: ColumnType;
  value(record: Recorded<E>): Column['values'][number];
  /** Left out where no row has a value. */
  sparse: boolean;
}

/**
 * Splits events into tables, in order of first appearance.
 * @param wanted names of the columns that are needed; default: all
 */
export function tablesOf<E>(
  layout: Layout<E>,
  records: readonly Recorded<E>[],
  wanted: (name: string) => boolean = () => true,
): Table[] {
  const byName = new Map<string, Recorded<E>[]>();
  for (const record of records) {
    const name = layout.table(record.event);
    if (name === null) continue;
    const rows = byName.get(name);
    if (rows === undefined) byName.set(name, [record]);
    else rows.push(record);
  }
  return [...byName].map(([name, rows]) => {
    const { from, to } = span(rows.map(({ event }) => layout.time(event)));
    const offset = column<E>('offset', 'BIGINT', (r) => r.offset);
    const partition = column<E>('partition', 'INTEGER', (r) => r.partition);
    const columns = [partition, offset, ...layout.columns(rows)].flatMap((rule) =>
      wanted(rule.name) ? filled(rule, rows) : [],
    );
    return { name, rows: rows.length, from, to, columns };
  });
}

function filled<E>({ name, type, value, sparse }: ColumnRule<E>, rows: readonly Recorded<E>[]): Column[] {
  const values = rows.map(value);
  return sparse && values.every((each) => each === null) ? [] : [{ name, type, values }];
}

export function column<E>(
  name: string,
  type: ColumnType,
  value: ColumnRule<E>['value'],
  { sparse = false } = {},
): ColumnRule<E> {
  return { name, type, value, sparse };
}

function span(times: readonly number[]): { from: number; to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const time of times) {
    if (time < from) from = time;
    if (time > to) to = time;
  }
  return { from, to };
}
