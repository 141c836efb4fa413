import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { newDirectory } from './harness.js';

/** A row of a training set. */
export interface TrainingRow {
  prediction: string;
  /** UTC milliseconds. */
  predictedAt: number;
  label: number;
  features: number[];
}

/** A training set's artifact as anyone reads it. @param width the features that the model has. @returns oldest prediction first */
export async function trainingRows(parquet: Uint8Array, width: number): Promise<TrainingRow[]> {
  const file = join(newDirectory(), 'set.parquet');
  writeFileSync(file, parquet);
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  const features = Array.from({ length: width }, (_, i) => `CAST(f${i} AS DOUBLE)`).join(', ');
  const read = await connection.runAndReadAll(
    `SELECT prediction, CAST(predicted_at AS DOUBLE), label, ${features} FROM read_parquet('${file}') ORDER BY 2, 1`,
  );
  connection.closeSync();
  return read.getRows().map(([prediction, predictedAt, label, ...values]) => ({
    prediction: String(prediction),
    predictedAt: Number(predictedAt),
    label: Number(label),
    features: values.map(Number),
  }));
}
