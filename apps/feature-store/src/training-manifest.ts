import { createHash, type Hash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ModelInput } from '@gyre/contracts';
import type { Offsets } from './archived.js';
import type { FeatureQuery } from './training-query.js';

/** What decides which rows a training set has, and what is in them: with the same log, the same recipe gives the same bytes. */
export interface Recipe extends FeatureQuery {
  model: string;
  /** Labels known at or before this event time, UTC milliseconds. */
  asOf: number;
  /** The newest so many labelled predictions. */
  rowsMax: number;
  /** By topic and partition, the offset that follows the last event that counts. Absent: all that is there. */
  upTo?: Record<'outcomes' | 'predictions' | 'history', Offsets>;
}

/** Where a training set came from: enough to build it again. */
export interface TrainingManifest {
  format: 1;
  recipe: Recipe & Required<Pick<Recipe, 'upTo'>>;
  rows: number;
  /** See `digestOf`. */
  digest: string;
  columns: { name: string; feature: ModelInput | null }[];
  filters: string[];
  parityMismatches: number;
  /** Labelled predictions that are no rows: they brought tensors of another width, or their record has expired. */
  unusable: number;
  duckdb: string;
}

/**
 * sha-256 over the rows in their order. Each row is its prediction and its entity as UTF-8 with the length before (uint32; 2^32 - 1 for null),
 * predicted_at and label as float64, each feature as float32 with NaN for null, all little-endian.
 *
 * @param table with the columns prediction, predicted_at, entity, label, f0 … f(width - 1), in order
 */
export async function digestOf(connection: DuckDBConnection, table: string, width: number): Promise<string> {
  const features = Array.from({ length: width }, (_, i) => `f${i}`);
  const result = await connection.stream(
    `SELECT prediction, entity, CAST(predicted_at AS DOUBLE), label, ${features.join(', ')} FROM ${table}`,
  );
  const hash = createHash('sha256');
  const numbers = Buffer.alloc(16 + 4 * width);
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const columns = Array.from({ length: chunk.columnCount }, (_, i) => chunk.getColumnVector(i));
    for (let row = 0; row < chunk.rowCount; row++) {
      text(hash, columns[0]?.getItem(row) as string);
      text(hash, columns[1]?.getItem(row) as string | null);
      numbers.writeDoubleLE(columns[2]?.getItem(row) as number, 0);
      numbers.writeDoubleLE(columns[3]?.getItem(row) as number, 8);
      for (let i = 0; i < width; i++)
        numbers.writeFloatLE((columns[4 + i]?.getItem(row) as number | null) ?? NaN, 16 + 4 * i);
      hash.update(numbers);
    }
  }
  return hash.digest('hex');
}

function text(hash: Hash, value: string | null): void {
  const bytes = Buffer.from(value ?? '', 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value === null ? 0xffffffff : bytes.length);
  hash.update(length).update(bytes);
}
