import { availableParallelism } from 'node:os';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { GyreError } from '@gyre/contracts/errors';
import { identifier, literal } from '../sql-text.js';
import { NumberStore, SAMPLED_ROWS_MAX, type Column, type Selection, type Table } from './column.js';
import { isMissing } from './decimal.js';
import { sampledRows } from './row-sampler.js';

const NUMBERS = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;
const TEXTS = /^(VARCHAR|BOOLEAN|ENUM.*|UUID|DATE|TIME.*)$/;

/**
 * A Parquet file's columns, read by DuckDB. Numbers of all kinds become doubles; texts, booleans and times are levels; what is nested has but its name.
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
    const source = `read_parquet(${literal(file)})`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRows();
    const [[count] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM ${source}`)).getRows();
    const rows = Number(count);
    if (rows === 0) throw new GyreError('BAD_REQUEST', `${file} has no rows`);
    const sample = sampledRows(rows, SAMPLED_ROWS_MAX);
    const columns: Column[] = [];
    const names = described.map(([name]) => String(name));
    for (const [i, name] of names.entries()) {
      const type = String(described[i]![1]);
      if (selection.columns?.has(name) === false) continue;
      if (NUMBERS.test(type) && selection.textColumns?.has(name) !== true)
        columns.push(await numbers(connection, source, name, sample));
      else if (NUMBERS.test(type) || TEXTS.test(type)) columns.push(await levels(connection, source, name, sample));
      else columns.push({ kind: 'nested', name, type });
    }
    return { names, rows, columns };
  } catch (error) {
    if (error instanceof GyreError) throw error;
    throw new GyreError('BAD_REQUEST', `cannot read ${file} as Parquet: ${(error as Error).message.split('\n')[0]}`);
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}

async function numbers(
  connection: DuckDBConnection,
  source: string,
  name: string,
  sample: readonly number[],
): Promise<Column> {
  const store = new NumberStore();
  const sampled = new Float64Array(sample.length);
  const result = await connection.stream(`SELECT CAST(${identifier(name)} AS DOUBLE) FROM ${source}`);
  let row = 0;
  let place = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (const value of chunk.getColumnValues(0)) {
      const isNumber = typeof value === 'number' && Number.isFinite(value);
      if (isNumber) store.add(value);
      else store.missing += 1;
      if (row === sample[place]) sampled[place++] = isNumber ? value : NaN;
      row += 1;
    }
  }
  return store.column(name, sampled);
}

async function levels(
  connection: DuckDBConnection,
  source: string,
  name: string,
  sample: readonly number[],
): Promise<Column> {
  const cell = `CAST(${identifier(name)} AS VARCHAR)`;
  const found = await connection.runAndReadAll(`SELECT ${cell}, CAST(count(*) AS DOUBLE) FROM ${source} GROUP BY 1`);
  const kept = await connection.runAndReadAll(
    `SELECT cell FROM (SELECT ${cell} AS cell, row_number() OVER () - 1 AS place FROM ${source})
     WHERE place IN (SELECT unnest([${sample.join()}]::BIGINT[])) ORDER BY place`,
  );
  const sampled = kept.getRows().map(([level]) => textOf(level));
  const column = { kind: 'text' as const, name, levels: new Map<string, number>(), missing: 0, sampled };
  for (const [value, count] of found.getRows()) {
    const level = textOf(value);
    if (level === null) column.missing += Number(count);
    else column.levels.set(level, Number(count));
  }
  return column;
}

/** Null where the cell says that there is no value. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' && !isMissing(value) ? value : null;
}
