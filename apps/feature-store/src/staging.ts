import { BOOLEAN, DOUBLE, DuckDBDataChunk, FLOAT, INTEGER, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';

/** Times and offsets are whole numbers in JavaScript and staged as DOUBLE, for making a BigInt of each is slow; SQL makes BIGINT of them. */
const TYPES = {
  VARCHAR: { staged: VARCHAR, type: 'VARCHAR' },
  INTEGER: { staged: INTEGER, type: 'INTEGER' },
  BIGINT: { staged: DOUBLE, type: 'BIGINT' },
  DOUBLE: { staged: DOUBLE, type: 'DOUBLE' },
  FLOAT: { staged: FLOAT, type: 'FLOAT' },
  BOOLEAN: { staged: BOOLEAN, type: 'BOOLEAN' },
} as const;
export type ColumnType = keyof typeof TYPES;

export interface Column {
  name: string;
  type: ColumnType;
  values: (string | number | boolean | null)[];
}

/** Columns of equal length, on their way to DuckDB. */
export interface Columns {
  rows: number;
  columns: readonly Column[];
}

/** DuckDB's longest data chunk. */
const CHUNK_ROWS = 2_048;

/** An SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL text. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Loads columns into a new temporary table of the connection.
 * @returns a SELECT of the table with the columns' own types
 */
export async function stage(connection: DuckDBConnection, table: string, { rows, columns }: Columns): Promise<string> {
  const definitions = columns.map(({ name, type }) => `${identifier(name)} ${TYPES[type].staged}`);
  await connection.run(`CREATE TEMP TABLE ${identifier(table)} (${definitions.join(', ')})`);
  const appender = await connection.createAppender(table, null, 'temp');
  const types = columns.map(({ type }) => TYPES[type].staged);
  for (let from = 0; from < rows; from += CHUNK_ROWS) {
    const chunk = DuckDBDataChunk.create(types);
    chunk.setColumns(columns.map(({ values }) => values.slice(from, from + CHUNK_ROWS)));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  const selected = columns.map(
    ({ name, type }) => `CAST(${identifier(name)} AS ${TYPES[type].type}) AS ${identifier(name)}`,
  );
  return `SELECT ${selected.join(', ')} FROM ${identifier(table)}`;
}
