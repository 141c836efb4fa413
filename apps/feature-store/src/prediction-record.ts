import {
  GyreError,
  parsePredictionId,
  PastPredictions,
  topics,
  type PastPrediction,
  type Predicted,
} from '@gyre/contracts';
import { partitionOf, type Platform } from '@gyre/platform';
import { archiveName } from './archive.js';
import { relation, type Template } from './archived.js';
import { predictionsLayout } from './layouts.js';
import type { CommittedSegments, SegmentTable } from './segments.js';
import { literal } from './staging.js';
import type { Warehouse } from './warehouse.js';

/** Which files of the archive may hold a row, by model, and what of a partition lies in the topic alone. */
interface Found {
  files: Map<string, SegmentTable[]>;
  tailFrom: Map<number, number>;
}

/**
 * What was predicted, as the log and the archive have it: newest in the topic, the rest in Parquet. An id tells partition and time, so that few files are
 * opened, by DuckDB's threads.
 */
export class PredictionRecord extends PastPredictions {
  constructor(
    private readonly platform: Platform,
    private readonly warehouse: Warehouse,
    private readonly committed: CommittedSegments,
  ) {
    super();
  }

  override async find(id: string): Promise<PastPrediction | null> {
    const parts = parsePredictionId(id);
    if (parts === undefined) return null;
    const partition = partitionOf(parts.routing, this.platform.partitions);
    const { files, tailFrom } = await this.archived((within, { from, to }) => {
      return within === partition && from <= parts.predictedAt && to >= parts.predictedAt;
    });
    for (const [model, tables] of files) {
      const [row] = await this.rows(model, tables, `prediction = ${literal(id)}`, 1);
      if (row !== undefined) return row;
    }
    for await (const { event } of this.platform.read(topics.predictions, { key: parts.routing, from: tailFrom })) {
      if (event.id === id && event.failure === undefined) return asPast(event);
    }
    return null;
  }

  override async recent(model: string, limit: number): Promise<PastPrediction[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > RECENT_MAX)
      throw new GyreError('BAD_REQUEST', `limit is ${limit}; expected 1 to ${RECENT_MAX} predictions`);
    const { files, tailFrom } = await this.archived((_, { name }) => name === model);
    const newest: PastPrediction[] = [];
    for await (const { event } of this.platform.read(topics.predictions, { from: tailFrom })) {
      if (event.model !== model || event.failure !== undefined) continue;
      newest.push(asPast(event));
      if (newest.length >= 2 * limit) newest.sort(byTime).splice(0, newest.length - limit);
    }
    const tail = newest.sort(byTime).slice(-limit);
    const tables = (files.get(model) ?? []).sort((a, b) => b.to - a.to);
    const older =
      tail.length >= limit ? [] : await this.rows(model, tables.slice(0, FILES_MAX), 'true', limit - tail.length);
    return [...older.reverse(), ...tail];
  }

  private async archived(wanted: (partition: number, table: SegmentTable) => boolean): Promise<Found> {
    const found: Found = { files: new Map(), tailFrom: new Map() };
    for await (const { partition, segments } of this.committed.of({ name: archiveName(predictionsLayout) })) {
      for (const { last, tables } of segments) {
        found.tailFrom.set(partition, Math.max(found.tailFrom.get(partition) ?? 0, last + 1));
        for (const table of tables) {
          if (!wanted(partition, table)) continue;
          const files = found.files.get(table.name);
          if (files === undefined) found.files.set(table.name, [table]);
          else files.push(table);
        }
      }
    }
    return found;
  }

  /** Newest first. */
  private async rows(model: string, files: SegmentTable[], where: string, limit: number): Promise<PastPrediction[]> {
    if (files.length === 0) return [];
    return this.warehouse.with(async (connection) => {
      const widths = relation(this.warehouse.archiveDir, { files, tails: [] }, COLUMNS);
      const [widest] = (await connection.runAndReadAll(`SELECT max(width) FROM ${widths} WHERE ${where}`)).getRows();
      const width = Number(widest?.[0] ?? 0);
      const features = Array.from({ length: width }, (_, f) => `f${f}`);
      const template: Template = {
        ...COLUMNS,
        ...Object.fromEntries(features.map((name) => [name, 'FLOAT' as const])),
      };
      const from = relation(this.warehouse.archiveDir, { files, tails: [] }, template);
      const columns = ['prediction', 'CAST(predicted_at AS DOUBLE)', 'entity', 'version', 'width', ...features];
      const read = await connection.runAndReadAll(
        `SELECT ${columns.join(', ')} FROM ${from} WHERE ${where} ORDER BY predicted_at DESC, prediction DESC LIMIT ${limit}`,
      );
      return read.getRows().map(([id, at, entity, version, own, ...values]) => ({
        id: String(id),
        model,
        predictedAt: Number(at),
        entity: entity === null ? null : String(entity),
        version: version === null ? null : Number(version),
        features: values.slice(0, Number(own)).map((value) => (value === null ? null : Number(value))),
      }));
    });
  }
}

const COLUMNS: Template = {
  prediction: 'VARCHAR',
  predicted_at: 'BIGINT',
  entity: 'VARCHAR',
  version: 'INTEGER',
  width: 'INTEGER',
};
/** The newest files of a model that are opened for some rows of it. */
const FILES_MAX = 8;
const RECENT_MAX = 10_000;

function byTime(a: PastPrediction, b: PastPrediction): number {
  return a.predictedAt - b.predictedAt || (a.id < b.id ? -1 : 1);
}

function asPast({ id, model, occurredAt, entity, version, features }: Predicted): PastPrediction {
  const predictedAt = parsePredictionId(id)?.predictedAt ?? occurredAt;
  return { id, model, predictedAt, entity, version, features };
}
