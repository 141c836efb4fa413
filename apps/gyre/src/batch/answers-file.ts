import { rename, rm } from 'node:fs/promises';
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBDataChunk,
  FLOAT,
  INTEGER,
  UBIGINT,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { GyreError } from '@gyre/contracts/errors';
import type { Datatype, InferAnswer } from '@gyre/gateway/protocol';
import { identifier, literal } from '../sql-text.js';
import type { TableFile } from './table-file.js';

interface Column {
  name: string;
  type: DuckDBType;
  values: DuckDBValue[];
}

const TYPES: Record<Datatype, DuckDBType> = {
  BOOL: BOOLEAN,
  UINT8: INTEGER,
  UINT16: INTEGER,
  UINT32: BIGINT,
  UINT64: UBIGINT,
  INT8: INTEGER,
  INT16: INTEGER,
  INT32: INTEGER,
  INT64: BIGINT,
  FP16: FLOAT,
  FP32: FLOAT,
  FP64: DOUBLE,
  BYTES: VARCHAR,
};
/** DuckDB's longest data chunk. */
const CHUNK_ROWS = 2_048;
/** An output of more values a row is no column of a table. */
const WIDTH_MAX = 1_000;

/**
 * Answers row by row, beside the columns of the file that they answer. They gather in a database file, not in memory, and the output appears when it is
 * whole.
 */
export class AnswersFile {
  private appender: DuckDBAppender | undefined;
  private types: DuckDBType[] = [];

  /** @param classes of a classifier, in the order of its probabilities */
  constructor(
    private readonly connection: DuckDBConnection,
    private readonly input: TableFile,
    private readonly classes: readonly string[],
  ) {}

  /** @throws GyreError BAD_REQUEST where an output has no place in a table, or its column's name is taken */
  async add(answer: InferAnswer, rows: number): Promise<void> {
    const columns = this.columnsOf(answer, rows);
    this.appender ??= await this.begin(columns);
    for (let from = 0; from < rows; from += CHUNK_ROWS) {
      const chunk = DuckDBDataChunk.create(this.types);
      chunk.setColumns(columns.map(({ values }) => values.slice(from, from + CHUNK_ROWS)));
      this.appender.appendDataChunk(chunk);
    }
  }

  /** Writes the file: Parquet, or CSV where its name says so. */
  async finish(out: string): Promise<void> {
    this.appender?.closeSync();
    const unfinished = unfinishedOf(out);
    const format = /\.csv(\.gz)?$/i.test(out) ? 'FORMAT csv, HEADER true' : 'FORMAT parquet, COMPRESSION snappy';
    const gzip = /\.gz$/i.test(out) ? ', COMPRESSION gzip' : '';
    try {
      await this.connection.run(
        `COPY (SELECT * FROM ${this.input.typed} POSITIONAL JOIN answers) TO ${literal(unfinished)} (${format}${gzip})`,
      );
      await rename(unfinished, out);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw new GyreError('BAD_REQUEST', `cannot write ${out}: ${(error as Error).message}`);
    }
  }

  private async begin(columns: readonly Column[]): Promise<DuckDBAppender> {
    const taken = columns.find(({ name }) => this.input.columns.includes(name));
    if (taken !== undefined)
      throw new GyreError(
        'BAD_REQUEST',
        `${this.input.file} has a column ${taken.name}, as the answers will; rename it`,
      );
    this.types = columns.map(({ type }) => type);
    const definitions = columns.map(({ name, type }) => `${identifier(name)} ${type}`);
    await this.connection.run(`CREATE TABLE answers (${definitions.join(', ')})`);
    return this.connection.createAppender('answers');
  }

  private columnsOf({ model, version, parameters, outputs }: InferAnswer, rows: number): Column[] {
    const same = (name: string, value: DuckDBValue): Column => {
      return { name, type: VARCHAR, values: new Array<DuckDBValue>(rows).fill(value) };
    };
    const ids = outputs.find(({ name }) => name === 'prediction_id')?.values as readonly string[] | undefined;
    const own = String(parameters['prediction_id'] ?? '');
    const columns: Column[] = [
      {
        name: 'prediction_id',
        type: VARCHAR,
        // Of several rows of an imported model, each has its place after the id.
        values:
          ids === undefined ? Array.from({ length: rows }, (_, row) => (rows === 1 ? own : `${own}.${row}`)) : [...ids],
      },
      same('prediction_version', version === '' ? 'fallback' : version),
      same('prediction_role', String(parameters['role'] ?? '')),
    ];
    for (const { name, datatype, values, shape } of outputs) {
      if (name === 'prediction_id') continue;
      const width = values.length / rows;
      if (!Number.isInteger(width) || width === 0 || width > WIDTH_MAX) {
        throw new GyreError(
          'BAD_REQUEST',
          `output "${name}" of ${model} is ${datatype} [${shape.join(', ')}]: that is no row of a table for each of ${rows} rows`,
        );
      }
      for (let f = 0; f < width; f++) {
        columns.push({
          name: this.columnName(name, f, width),
          type: TYPES[datatype],
          values: Array.from({ length: rows }, (_, row) => cellOf(datatype, values[row * width + f])),
        });
      }
    }
    return columns;
  }

  private columnName(output: string, f: number, width: number): string {
    if (width === 1) return `predicted_${output}`;
    const label = this.classes.length === width ? this.classes[f] : f;
    return output === 'probabilities' ? `probability_${label}` : `predicted_${output}_${label}`;
  }
}

/** Where a file is written before it is whole. */
export function unfinishedOf(out: string): string {
  return `${out}.unfinished`;
}

function cellOf(datatype: Datatype, value: unknown): DuckDBValue {
  if (datatype === 'BOOL') return value === 1;
  if (datatype === 'INT64' || datatype === 'UINT64' || datatype === 'UINT32') return BigInt(value as number | bigint);
  return value as DuckDBValue;
}
