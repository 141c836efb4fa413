import { availableParallelism } from 'node:os';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { GyreError } from '@gyre/contracts/errors';
import { NumberStore, type Column, type Selection, type Table } from './column.js';
import { isMissing } from './decimal.js';

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;
const TEXTS = /^(VARCHAR|BOOLEAN|ENUM.*|UUID|DATE|TIME.*)$/;

/**
 * A Parquet file's columns, read by DuckDB. Numbers of all kinds become doubles; texts, booleans and times are levels; what is nested is left out.
 *
 * @throws GyreError BAD_REQUEST if it cannot be read
 */
export async function readParquet(file: string, selection: Selection): Promise<Table> {
  const database = await DuckDBInstance.create(':memory:', {
    threads: String(availableParallelism()),
    autoinstall_known_extensions: 'false',
  });
  const connection = await database.connect();
  try {
    const source = `read_parquet('${file.replaceAll("'", "''")}')`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows();
    const [[count] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM ${source}`)).getRows();
    const rows = Number(count);
    if (rows === 0) throw new GyreError('BAD_REQUEST', `${file} has no rows`);
    const columns: Column[] = [];
    const names = described.map(([name]) => String(name));
    for (const [i, name] of names.entries()) {
      const type = String(described[i]![1]);
      if (selection.columns?.has(name) === false) continue;
      if (NUMBERS.test(type) && selection.textColumns?.has(name) !== true)
        columns.push(await numbers(connection, source, name));
      else if (NUMBERS.test(type) || TEXTS.test(type)) columns.push(await levels(connection, source, name));
    }
    return { names, rows, columns };
  } catch (error) {
    if (error instanceof GyreError) throw error;
    throw new GyreError('BAD_REQUEST', `cannot read ${file} as Parquet: ${(error as Error).message}`);
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}

async function numbers(connection: DuckDBConnection, source: string, name: string): Promise<Column> {
  const store = new NumberStore();
  const result = await connection.stream(`SELECT CAST(${quoted(name)} AS DOUBLE) FROM ${source}`);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const value of chunk.getColumnValues(0)) {
      if (typeof value === 'number' && Number.isFinite(value)) store.add(value);
      else store.missing += 1;
    }
  }
  return store.column(name);
}

async function levels(connection: DuckDBConnection, source: string, name: string): Promise<Column> {
  const found = await connection.runAndReadAll(
    `SELECT CAST(${quoted(name)} AS VARCHAR), CAST(count(*) AS DOUBLE) FROM ${source} GROUP BY 1`,
  );
  const column = { kind: 'text' as const, name, levels: new Map<string, number>(), missing: 0 };
  for (const [level, count] of found.getRows()) {
    if (level === null || level === undefined || isMissing(String(level))) column.missing += Number(count);
    else column.levels.set(String(level), Number(count));
  }
  return column;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
