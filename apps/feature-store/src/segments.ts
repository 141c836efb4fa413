import type { Artifacts, Platform } from '@gyre/platform';

/** One table's part of a segment: a Parquet file. */
export interface SegmentTable {
  /** The view or the model. */
  name: string;
  /** Relative to the archive's folder. */
  file: string;
  rows: number;
  /** Earliest and latest time of its rows, UTC milliseconds; see `Layout.time`. */
  from: number;
  to: number;
}

/** Events of a topic that lie in Parquet. */
export interface Segment {
  /** Offsets of its first and last event. */
  first: number;
  last: number;
  rows: number;
  tables: SegmentTable[];
}

/** An artifact that lists segments (level 1), or lists of the level below, in the order they were written. */
export interface SegmentList {
  sha256: string;
  level: number;
}

/** The committed segments of one partition. A file that no state and no list names does not count. */
export interface ArchiveState {
  partition: number;
  /** The newest, in the order they were written. */
  segments: Segment[];
  /** Those before them, oldest first: higher levels come first. Absent where there are none. */
  lists?: SegmentList[];
}

/** So many segments, or lists of one level, are folded into a list when there are twice as many. */
export const LISTED = 64;

/**
 * Appends a segment. A state is read and written with each, so that older ones move out into lists, and those into lists of lists: it stays as
 * long as the logarithm of their number. What is done again after a crash makes the same artifacts.
 */
export async function withSegment(
  { partition, segments, lists = [] }: ArchiveState,
  segment: Segment,
  artifacts: Pick<Artifacts, 'put'>,
  listed = LISTED,
): Promise<ArchiveState> {
  const newest = await folded(segments, 0, artifacts, listed);
  const older = [...lists, ...newest.lists];
  for (let level = 1; older.some((list) => list.level === level); level++) {
    const from = older.findIndex((list) => list.level === level);
    const end = older.findLastIndex((list) => list.level === level) + 1;
    const { lists: higher, rest } = await folded(older.slice(from, end), level, artifacts, listed);
    older.splice(from, end - from, ...higher, ...rest);
  }
  return { partition, segments: [...newest.rest, segment], ...(older.length === 0 ? {} : { lists: older }) };
}

async function folded<T>(
  items: readonly T[],
  level: number,
  artifacts: Pick<Artifacts, 'put'>,
  listed: number,
): Promise<{ lists: SegmentList[]; rest: T[] }> {
  const lists: SegmentList[] = [];
  let from = 0;
  for (; items.length - from >= 2 * listed; from += listed) {
    const sha256 = await artifacts.put(Buffer.from(JSON.stringify(items.slice(from, from + listed))));
    lists.push({ sha256, level: level + 1 });
  }
  return { lists, rest: items.slice(from) };
}

/** What of a topic lies in the archive. A list never changes, and so is read once. */
export class CommittedSegments {
  private readonly lists = new Map<string, Promise<readonly Segment[]>>();

  constructor(private readonly platform: Pick<Platform, 'scan' | 'artifacts'>) {}

  /** By partition, in the order they were written. */
  async *of(archive: { name: string }): AsyncGenerator<{ partition: number; segments: Segment[] }> {
    for await (const { state } of this.platform.scan<ArchiveState>(archive)) {
      const { partition, segments, lists = [] } = state;
      yield { partition, segments: [...(await this.listed(lists)), ...segments] };
    }
  }

  private async listed(lists: readonly SegmentList[]): Promise<readonly Segment[]> {
    return (await Promise.all(lists.map((list) => this.list(list)))).flat();
  }

  private list(list: SegmentList): Promise<readonly Segment[]> {
    const known = this.lists.get(list.sha256);
    if (known !== undefined) return known;
    const read = this.read(list);
    this.lists.set(list.sha256, read);
    read.catch(() => this.lists.delete(list.sha256));
    return read;
  }

  private async read({ sha256, level }: SegmentList): Promise<readonly Segment[]> {
    const items: unknown = JSON.parse(Buffer.from(await this.platform.artifacts.get(sha256)).toString());
    return level === 1 ? (items as Segment[]) : this.listed(items as SegmentList[]);
  }
}
