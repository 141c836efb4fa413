import { createHash } from 'node:crypto';
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
    `SELECT ${['prediction', 'entity', 'CAST(predicted_at AS DOUBLE)', 'label', ...features].join(', ')} FROM ${table}`,
  );
  const hash = createHash('sha256');
  let rows = Buffer.alloc(1 << 16);
  let end = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const columns = Array.from({ length: chunk.columnCount }, (_, i) => chunk.getColumnVector(i));
    for (let i = 0; i < chunk.rowCount; i++) {
      const [prediction, entity] = [columns[0]?.getItem(i) as string, columns[1]?.getItem(i) as string | null];
      const bytesMax = 3 * (prediction.length + (entity?.length ?? 0)) + 24 + 4 * width;
      if (end + bytesMax > rows.length) {
        hash.update(rows.subarray(0, end));
        end = 0;
        if (bytesMax > rows.length) rows = Buffer.alloc(2 * bytesMax);
      }
      end = writeText(rows, entity, writeText(rows, prediction, end));
      end = rows.writeDoubleLE(columns[2]?.getItem(i) as number, end);
      end = rows.writeDoubleLE(columns[3]?.getItem(i) as number, end);
      for (let k = 0; k < width; k++)
        end = rows.writeFloatLE((columns[4 + k]?.getItem(i) as number | null) ?? NaN, end);
    }
  }
  hash.update(rows.subarray(0, end));
  return hash.digest('hex');
}

/** @returns where the text ends */
function writeText(row: Buffer, text: string | null, at: number): number {
  const bytes = text === null ? 0 : row.write(text, at + 4, 'utf8');
  row.writeUInt32LE(text === null ? 0xffffffff : bytes, at);
  return at + 4 + bytes;
}
