import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { ModelSpec, type ModelInForce } from '@gyre/contracts';
import { type Dataset, mulberry32 } from '@gyre/learning';
import type { Artifacts } from '@gyre/platform';
import type { TrainingSetBuilt } from './training.job.js';

export interface Shape {
  rows: number;
  width: number;
  seed: number;
}

/** Rows whose first two features tell the class, 9 times in 10; one value in 20 is missing. */
export function twoClasses({ rows, width, seed }: Shape): Dataset {
  const random = mulberry32(seed);
  const features = Float32Array.from({ length: rows * width }, () => (random() < 0.05 ? NaN : random() * 10 - 5));
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const sum = (features[row * width] || 0) + (features[row * width + 1] || 0);
    return random() < 0.1 ? Math.round(random()) : Number(sum > 0);
  });
  return { features, labels, rows, width };
}

/** The same rows; which label belongs to which is drawn. */
export function shuffled(data: Dataset, seed: number): Dataset {
  const random = mulberry32(seed);
  const labels = data.labels.slice();
  for (let i = labels.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [labels[i], labels[j]] = [labels[j]!, labels[i]!];
  }
  return { ...data, labels };
}

/** As the feature store writes it. */
async function parquetOf({ features, labels, rows, width }: Dataset): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'gyre-fixture-'));
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  try {
    const columns = Array.from({ length: width }, (_, f) => `f${f}`);
    await connection.run(
      `CREATE TABLE rows (prediction VARCHAR, predicted_at BIGINT, entity VARCHAR, label DOUBLE, ${columns.map((name) => `${name} FLOAT`).join(', ')})`,
    );
    const appender = await connection.createAppender('rows');
    for (let row = 0; row < rows; row++) {
      appender.appendVarchar(`p${String(row).padStart(9, '0')}`);
      appender.appendBigInt(BigInt(row * 1_000));
      appender.appendVarchar('somebody');
      appender.appendDouble(labels[row]!);
      for (let f = 0; f < width; f++) {
        const value = features[row * width + f]!;
        if (Number.isNaN(value)) appender.appendNull();
        else appender.appendFloat(value);
      }
      appender.endRow();
    }
    appender.closeSync();
    const file = join(folder, 'set.parquet');
    await connection.run(`COPY (SELECT * FROM rows ORDER BY predicted_at, prediction) TO '${file}' (FORMAT parquet)`);
    return new Uint8Array(readFileSync(file));
  } finally {
    connection.closeSync();
    rmSync(folder, { recursive: true });
  }
}

/** A model in force with `width` features; what is given overrides the defaults of the spec. */
export function modelOf(width: number, more: Record<string, unknown> = {}): ModelInForce {
  const spec = ModelSpec.parse({
    kind: 'Model',
    name: 'direction',
    features: ['market.*'],
    label: { name: 'class', type: 'binary' },
    ...more,
  });
  return { ...spec, inputs: Array.from({ length: width }, (_, f) => ({ view: 'market', field: `field${f}` })) };
}

/** A training set in the store, and the event that tells of it. */
export async function built(data: Dataset, artifacts: Artifacts, windows = [300, 1_000]): Promise<TrainingSetBuilt> {
  const base = { model: 'direction', occurredAt: 1_000, actor: 'test', reason: '' };
  const request = {
    ...base,
    type: 'TrainingRequested' as const,
    run: 'run-1',
    trigger: 'drift' as const,
    champion: null,
    asOf: 1_000,
  };
  return {
    ...base,
    type: 'TrainingSetBuilt',
    run: 'run-1',
    rows: data.rows,
    data: await artifacts.put(await parquetOf(data)),
    manifest: 'a'.repeat(64),
    digest: 'b'.repeat(64),
    parityMismatches: 0,
    request: { ...request, labels: data.rows, rowsMax: 20_000, windows, seed: 7 },
  };
}
