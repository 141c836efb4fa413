import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Platform, Recorded } from '@gyre/platform';
import { archiveName } from './archive.js';
import { tablesOf, type Layout } from './layout.js';
import type { CommittedSegments, SegmentTable } from './segments.js';
import { identifier, literal, stage, type ColumnType } from './staging.js';

/** Per partition, the offset that follows the last event that counts. */
export type Offsets = Record<string, number>;

/** What of one view or model there is: committed files, newest first, and SELECTs of what still lies in the topic alone. */
export interface ArchivedTable {
  files: SegmentTable[];
  tails: string[];
}

export interface Archived {
  tables: Map<string, ArchivedTable>;
  /** Per partition, the offset that follows the last event that was there. */
  ends: Offsets;
}

/** The columns by which rows are ordered. */
const PLACE = new Set(['partition', 'offset']);
/** Events of a topic's tail that are staged together. */
const TAIL_ROWS = 20_000;

/**
 * Finds the tables of a topic: their committed segments, and, staged on the connection, the events that follow them.
 *
 * @param names the tables that are wanted
 * @param template their columns that are
 * @param upTo events from these offsets on do not count; absent partitions have none
 */
export async function archived<E>(
  platform: Platform,
  committed: CommittedSegments,
  connection: DuckDBConnection,
  layout: Layout<E>,
  names: readonly string[],
  template: Template,
  upTo?: Offsets,
): Promise<Archived> {
  const tables = new Map<string, ArchivedTable>(names.map((name) => [name, { files: [], tails: [] }]));
  const ends: Offsets = {};
  const counts = (partition: number, offset: number) => upTo === undefined || offset < (upTo[partition] ?? 0);

  for await (const { partition, segments } of committed.of({ name: archiveName(layout) })) {
    for (const { first, last, tables: parts } of segments) {
      if (!counts(partition, first)) continue;
      ends[partition] = Math.max(ends[partition] ?? 0, last + 1);
      for (const part of parts) tables.get(part.name)?.files.push(part);
    }
  }
  for (const table of tables.values()) table.files.sort((a, b) => b.to - a.to || (a.file < b.file ? 1 : -1));

  const from = new Map(Object.entries(ends).map(([partition, offset]) => [Number(partition), offset]));
  let waiting: Recorded<E>[] = [];
  let staged = 0;
  const stageWaiting = async () => {
    for (const part of tablesOf(layout, waiting, (name) => name in template || PLACE.has(name))) {
      tables.get(part.name)?.tails.push(await stage(connection, `${layout.topic.name} ${part.name} ${staged++}`, part));
    }
    waiting = [];
  };
  for await (const record of platform.read(layout.topic, { from })) {
    if (!counts(record.partition, record.offset)) continue;
    ends[record.partition] = record.offset + 1;
    const table = layout.table(record.event);
    if (table === null || !tables.has(table)) continue;
    waiting.push(record);
    if (waiting.length >= TAIL_ROWS) await stageWaiting();
  }
  await stageWaiting();
  return { tables, ends };
}

/** Columns by name, of those that the layout may have. Where a file lacks one it is null. */
export type Template = Readonly<Record<string, ColumnType>>;

/**
 * A table expression over files and tails, with the template's columns.
 * @param upTo as for `archived`: a segment may hold events on both sides
 */
export function relation(
  archiveDir: string,
  { files, tails }: ArchivedTable,
  template: Template,
  upTo?: Offsets,
): string {
  const columns = Object.entries({ ...template, partition: 'INTEGER', offset: 'BIGINT' } satisfies Template);
  const parts = [
    `SELECT ${columns.map(([name, type]) => `NULL::${type} AS ${identifier(name)}`).join(', ')} WHERE false`,
  ];
  if (files.length > 0) {
    const paths = files.map(({ file }) => literal(join(archiveDir, file)));
    parts.push(`SELECT * FROM read_parquet([${paths.join(', ')}], union_by_name = true)`);
  }
  const selected = columns.map(([name]) => identifier(name)).join(', ');
  return `(SELECT ${selected} FROM (${[...parts, ...tails].join(' UNION ALL BY NAME ')}) WHERE ${before(upTo)})`;
}

function before(upTo: Offsets | undefined): string {
  if (upTo === undefined) return 'true';
  const partitions = Object.entries(upTo).map(
    ([partition, offset]) => `(partition = ${Number(partition)} AND "offset" < ${Number(offset)})`,
  );
  return partitions.length === 0 ? 'false' : `(${partitions.join(' OR ')})`;
}
