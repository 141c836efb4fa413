import { access } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { GyreError } from '@gyre/contracts/errors';
import type { Datatype, Tensor } from '@gyre/gateway/protocol';
import { identifier, literal } from '../sql-text.js';
import type { InputPlan } from './plan.js';

/** Some rows of a file, as tensors. */
export interface Rows {
  rows: number;
  tensors: Tensor[];
}

/** DuckDB's types that hold a datatype. */
const SQL: Record<Datatype, string> = {
  BOOL: 'BOOLEAN',
  UINT8: 'UTINYINT',
  UINT16: 'USMALLINT',
  UINT32: 'UINTEGER',
  UINT64: 'UBIGINT',
  INT8: 'TINYINT',
  INT16: 'SMALLINT',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  FP16: 'DOUBLE',
  FP32: 'DOUBLE',
  FP64: 'DOUBLE',
  BYTES: 'VARCHAR',
};
const FLOAT_MAX: Partial<Record<Datatype, number>> = { FP16: 65_504, FP32: 3.4028234663852886e38 };

/** A CSV or Parquet file, read in order and in bounded memory by DuckDB. What it is, its name says: `.csv`, `.csv.gz` or `.parquet`. */
export class TableFile {
  private constructor(
    private readonly connection: DuckDBConnection,
    readonly file: string,
    /** A table expression of it, in the file's order, of a CSV's cells as texts. */
    private readonly source: string,
    /** The same with the types that all its cells allow. */
    readonly typed: string,
    readonly columns: readonly string[],
    readonly rows: number,
  ) {}

  /** @throws GyreError BAD_REQUEST if it cannot be read */
  static async open(connection: DuckDBConnection, file: string): Promise<TableFile> {
    await access(file).catch(() => {
      throw new GyreError('BAD_REQUEST', `there is no file ${file}`);
    });
    const name = literal(file);
    const isCsv = /\.csv(\.gz)?$/i.test(file);
    if (!isCsv && !/\.(parquet|pq)$/i.test(file))
      throw new GyreError('BAD_REQUEST', `${file} is of no kind that is read here; expected .parquet, .csv or .csv.gz`);
    // Texts, so that a cell that is no number is told by its row, and not by a guess about its column.
    const source = isCsv ? `read_csv(${name}, header = true, all_varchar = true)` : `read_parquet(${name})`;
    const typed = isCsv ? `read_csv(${name}, header = true, sample_size = -1)` : source;
    try {
      const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`);
      const [[count] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM ${source}`)).getRows();
      const columns = described.getRows().map(([column]) => String(column));
      if (Number(count) === 0) throw new GyreError('BAD_REQUEST', `${file} has no rows`);
      return new TableFile(connection, file, source, typed, columns, Number(count));
    } catch (error) {
      if (error instanceof GyreError) throw error;
      throw new GyreError('BAD_REQUEST', `cannot read ${file}: ${(error as Error).message}`);
    }
  }

  /**
   * @param size rows of a batch; the last may have fewer
   * @throws GyreError BAD_REQUEST naming row and column of a cell that the model cannot take
   */
  async *batches(inputs: readonly InputPlan[], size: number): AsyncGenerator<Rows> {
    const cells = inputs.flatMap((input) => input.columns.map((column) => ({ input, column })));
    const selected = cells.flatMap(({ input, column }) => valueAndFault(identifier(column), input.datatype));
    const result = await this.connection.stream(`SELECT ${selected.join(', ')} FROM ${this.source}`);
    let waiting: unknown[][] = cells.map(() => []);
    let before = 0;
    for await (const chunk of result) {
      for (const [i, { input, column }] of cells.entries()) {
        const values = chunk.getColumnVector(2 * i);
        const faults = chunk.getColumnVector(2 * i + 1);
        const list = waiting[i] as unknown[];
        for (let row = 0; row < chunk.rowCount; row++) {
          const [value, fault] = [values.getItem(row), faults.getItem(row)];
          if (fault !== null || (value === null && input.required))
            throw this.refused(before + list.length, column, fault, input.datatype);
          if (typeof value === 'number' && Math.abs(value) > (FLOAT_MAX[input.datatype] ?? Infinity))
            throw this.refused(before + list.length, column, value, input.datatype);
          list.push(value);
        }
      }
      while ((waiting[0]?.length ?? 0) >= size) {
        yield tensorsOf(inputs, waiting, size);
        waiting = waiting.map((list) => list.slice(size));
        before += size;
      }
    }
    const left = waiting[0]?.length ?? 0;
    if (left > 0) yield tensorsOf(inputs, waiting, left);
  }

  /** @param row from 0 */
  private refused(row: number, column: string, cell: unknown, datatype: Datatype): GyreError {
    const what = cell === null ? 'empty' : JSON.stringify(cell);
    const expected = datatype === 'BYTES' ? 'text' : `a value of ${datatype}`;
    return new GyreError(
      'BAD_REQUEST',
      `${this.file}, row ${row + 1}, column ${column}: ${what}; expected ${expected}`,
      { row: row + 1, column },
    );
  }
}

/** A cell as the datatype has it, and what it says where it is none of it: 1.5 is no whole number. */
function valueAndFault(column: string, datatype: Datatype): [string, string] {
  const type = SQL[datatype];
  const cast = `TRY_CAST(${column} AS ${type})`;
  const value = type === 'DOUBLE' ? `COALESCE(${cast}, CAST(TRY_CAST(${column} AS BOOLEAN) AS DOUBLE))` : cast;
  const isWhole = /INT/.test(type);
  const rounded = isWhole ? ` OR TRY_CAST(${column} AS DOUBLE) <> CAST(${cast} AS DOUBLE)` : '';
  return [
    value,
    `CASE WHEN ${column} IS NOT NULL AND (${value} IS NULL${rounded}) THEN CAST(${column} AS VARCHAR) END`,
  ];
}

function tensorsOf(inputs: readonly InputPlan[], columns: readonly unknown[][], rows: number): Rows {
  let first = 0;
  const tensors = inputs.map(({ name, datatype, columns: own, rowShape }): Tensor => {
    const width = own.length;
    const list = new Array<unknown>(rows * width);
    for (let f = 0; f < width; f++) {
      const column = columns[first + f] as unknown[];
      for (let row = 0; row < rows; row++) list[row * width + f] = column[row];
    }
    first += width;
    return { name, datatype, shape: [rows, ...rowShape], values: valuesOf(datatype, list) };
  });
  return { rows, tensors };
}

function valuesOf(datatype: Datatype, list: readonly unknown[]): Tensor['values'] {
  if (datatype === 'BYTES') return list.map(String);
  if (datatype === 'INT64' || datatype === 'UINT64') return list as bigint[];
  return list.map((value) => (value === null ? NaN : Number(value)));
}
