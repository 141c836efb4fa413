import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Dataset } from '@gyre/learning';

/** What a run cannot use, in words for the timeline. Not a defect of the program: nothing is tried again. */
export class UntrainableError extends Error {
  override readonly name = 'UntrainableError';
}

export interface DuckDbLimits {
  readonly threads: number;
  readonly memoryMegabytes: number;
}

/** A training set, with the time of each row's prediction, ms, rising. */
export interface TrainingRows extends Dataset {
  readonly times: Float64Array;
}

/**
 * Reads training sets as the feature store writes them: Parquet with `prediction` VARCHAR, `predicted_at` BIGINT (ms), `entity` VARCHAR,
 * `label` DOUBLE (class index or value) and `f0`, `f1` … FLOAT, null where missing. See feature-store's training-set.ts.
 */
export class TrainingRowsReader {
  private connection: Promise<DuckDBConnection> | undefined;
  /** One at a time: a connection streams one answer. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly limits: DuckDbLimits) {}

  /**
   * @param width the features that the model has
   * @returns rows in time order, in shared memory, so that workers need no copy
   * @throws UntrainableError if the columns are not these
   */
  read(parquet: Uint8Array, width: number): Promise<TrainingRows> {
    const read = this.last.then(() => this.readBytes(parquet, width));
    this.last = read.catch(() => undefined);
    return read;
  }

  private async readBytes(parquet: Uint8Array, width: number): Promise<TrainingRows> {
    // DuckDB reads files, not bytes.
    const folder = await mkdtemp(join(tmpdir(), 'gyre-training-'));
    try {
      const file = join(folder, 'set.parquet');
      await writeFile(file, parquet);
      return await this.readFile(file, width);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async readFile(file: string, width: number): Promise<TrainingRows> {
    const connection = await this.connected();
    const source = `read_parquet('${file.replaceAll("'", "''")}')`;
    const wanted = [
      'prediction',
      'predicted_at',
      'entity',
      'label',
      ...Array.from({ length: width }, (_, f) => `f${f}`),
    ];
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`);
    const found = described.getRows().map((row) => String(row[0]));
    if (!wanted.every((name) => found.includes(name)) || found.includes(`f${width}`)) {
      throw new UntrainableError(
        `the training set has the columns ${found.join(', ')}; the model's are ${wanted.join(', ')}`,
      );
    }
    const features = wanted.slice(4).map((name) => `CAST(${name} AS FLOAT)`);
    const counted = await connection.runAndReadAll(`SELECT CAST(count(*) AS INTEGER) FROM ${source}`);
    const rows = Number(counted.getRows()[0]?.[0] ?? 0);
    const data = sharedDataset(rows, width);
    const times = new Float64Array(rows);
    // A second query on the connection would end this stream: it comes last.
    const result = await connection.stream(
      `SELECT CAST(label AS DOUBLE), ${features.join(', ')}, CAST(predicted_at AS DOUBLE) FROM ${source} ORDER BY predicted_at, prediction`,
    );
    let start = 0;
    for await (const chunk of result) {
      // Chunks have at most 2,048 rows: short enough for the loop, which others use too.
      for (let column = 0; column <= width + 1; column++) {
        const vector = chunk.getColumnVector(column);
        for (let i = 0; i < chunk.rowCount; i++) {
          const value = (vector.getItem(i) ?? Number.NaN) as number;
          if (column === 0) data.labels[start + i] = value;
          else if (column > width) times[start + i] = value;
          else data.features[(start + i) * width + column - 1] = value;
        }
      }
      start += chunk.rowCount;
    }
    if (start !== rows) throw new Error(`the training set has ${rows} rows, and ${start} were read`);
    return { ...data, times };
  }

  private connected(): Promise<DuckDBConnection> {
    const { threads, memoryMegabytes } = this.limits;
    this.connection ??= DuckDBInstance.create(':memory:', {
      threads: String(threads),
      memory_limit: `${memoryMegabytes}MB`,
    }).then((instance) => instance.connect());
    this.connection.catch(() => (this.connection = undefined));
    return this.connection;
  }

  /** Lets go of the database, after the reads that wait; the next read opens another. */
  async close(): Promise<void> {
    await this.last;
    const connection = await this.connection;
    this.connection = undefined;
    connection?.closeSync();
  }
}

function sharedDataset(rows: number, width: number): Dataset {
  return {
    features: new Float32Array(new SharedArrayBuffer(rows * width * Float32Array.BYTES_PER_ELEMENT)),
    labels: new Float64Array(new SharedArrayBuffer(rows * Float64Array.BYTES_PER_ELEMENT)),
    rows,
    width,
  };
}
