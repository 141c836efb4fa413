import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Artifacts, Job } from '@gyre/platform';
import { tablesOf, type Layout, type Table } from './layout.js';
import { withSegment, type ArchiveState, type SegmentTable } from './segments.js';
import { literal, stage } from './staging.js';
import type { Warehouse } from './warehouse.js';

export interface ArchiveSettings {
  archiveBatchEventsMax: number;
  archiveBatchEventsMin: number;
  /** See `LISTED`. */
  segmentsListed?: number;
}

/** Back-off doubles from 100 ms: what DuckDB cannot do may pass for nearly two minutes before events are given up. A full disk is waited for. */
const ATTEMPTS = 11;

export function archiveName({ topic }: { topic: { name: string } }): string {
  return `feature-store.archive-${topic.name.replace(/^gyre\./, '')}`;
}

/**
 * Writes a topic to Parquet, one file per segment and table, and commits which files count together with its place in the topic.
 *
 * Files are named by the offsets that they hold. So whoever writes a name writes the same rows: work that is done again after a crash,
 * or by a process that does not know yet that it has lost the partition, harms nothing.
 */
export function archive<E>(
  layout: Layout<E>,
  warehouse: Warehouse,
  artifacts: Artifacts,
  settings: ArchiveSettings,
): Job<ArchiveState, E> {
  return {
    name: archiveName(layout),
    input: layout.topic,
    batch: settings.archiveBatchEventsMax,
    batchMin: settings.archiveBatchEventsMin,
    attempts: ATTEMPTS,
    async perform(records, { state, partition }) {
      const offsets = records.map(({ offset }) => offset).sort((a, b) => a - b);
      const [first, last] = [offsets[0] as number, offsets.at(-1) as number];
      const name = segmentName(first, last, offsets);
      const tables = await warehouse.with(async (connection) => {
        const written: SegmentTable[] = [];
        for (const table of tablesOf(layout, records)) {
          const file = join(layout.topic.name, folderOf(table.name), `p${partition}`, name);
          await write(connection, table, join(warehouse.archiveDir, file));
          written.push({ name: table.name, file, rows: table.rows, from: table.from, to: table.to });
        }
        return written;
      });
      const segment = { first, last, rows: records.length, tables };
      const before = state ?? { partition, segments: [] };
      return { state: await withSegment(before, segment, artifacts, settings.segmentsListed) };
    },
  };
}

/**
 * `00000000000000000000-00000000000000004999-1f2e3d4c.parquet`: first and last offset, and a hash of all of them, for between the two
 * some may be missing (ticks, or a replay of dead letters).
 */
function segmentName(first: number, last: number, offsets: readonly number[]): string {
  const hash = createHash('sha256').update(offsets.join()).digest('hex').slice(0, 8);
  return `${digits(first)}-${digits(last)}-${hash}.parquet`;
}

function digits(offset: number): string {
  return String(offset).padStart(20, '0');
}

function folderOf(table: string): string {
  return encodeURIComponent(table).replaceAll('.', '%2E');
}

/** The file is there whole or not at all, also after a loss of power. */
async function write(connection: DuckDBConnection, table: Table, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.${randomUUID()}.tmp`;
  const staged = await stage(connection, 'segment', table);
  try {
    await connection.run(`COPY (${staged}) TO ${literal(unfinished)} (FORMAT parquet, COMPRESSION snappy)`);
    await connection.run('DROP TABLE segment');
    await synced(unfinished);
    await rename(unfinished, file);
  } catch (error) {
    // On a full disk every try would leave one more.
    await rm(unfinished, { force: true });
    throw error;
  }
  await synced(dirname(file));
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
