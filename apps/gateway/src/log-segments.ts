import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A line of the log: a sequence number and what was written under it. */
export interface Line {
  sequence: number;
  event: unknown;
}

interface Segment {
  /** Sequence of its first line; it is the file's name. */
  first: number;
  bytes: number;
}

/**
 * The prediction log's files: JSON lines in segments named by their first sequence number, oldest first. Only the newest is written to.
 *
 * A write is in the system's page cache when `append` returns: it survives the death of the process, not of the machine.
 */
export class LogSegments {
  private descriptor: number | undefined;

  private constructor(
    private readonly directory: string,
    private readonly segmentBytes: number,
    private readonly segments: Segment[],
    /** Sequence of the last line; 0 when there is none. */
    public last: number,
  ) {}

  /** Opens a directory, makes it where it is missing, and cuts off a line that a dying process left unfinished. */
  static open(directory: string, segmentBytes: number): LogSegments {
    mkdirSync(directory, { recursive: true });
    const names = readdirSync(directory)
      .filter((name) => NAME.test(name))
      .sort();
    const segments = names.map((name) => ({
      first: Number(name.slice(0, DIGITS)),
      bytes: statSync(join(directory, name)).size,
    }));
    let last = 0;
    const newest = segments.at(-1);
    if (newest !== undefined) {
      const path = join(directory, fileOf(newest));
      const bytes = readFileSync(path);
      newest.bytes = bytes.lastIndexOf(NEWLINE) + 1;
      if (newest.bytes < bytes.length) truncateSync(path, newest.bytes);
      last = linesOf(bytes.subarray(0, newest.bytes)).at(-1)?.sequence ?? newest.first - 1;
    }
    return new LogSegments(directory, segmentBytes, segments, last);
  }

  /** Size of all segments, bytes. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /**
   * Writes whole lines, or throws and leaves no part of them.
   * @param first sequence of the first line
   * @param last sequence of the last line
   */
  append(lines: Buffer, first: number, last: number): void {
    const segment = this.writable(first);
    const descriptor = (this.descriptor ??= openSync(join(this.directory, fileOf(segment)), 'a'));
    try {
      for (let at = 0; at < lines.length;) at += writeSync(descriptor, lines, at);
    } catch (error) {
      ftruncateSync(descriptor, segment.bytes);
      throw error;
    }
    segment.bytes += lines.length;
    this.last = last;
  }

  /** Lines from a sequence on, up to the end as it is when the newest segment is reached; lines that are broken are left out. */
  *read(from: number): Generator<Line> {
    for (const segment of this.segments.slice(this.indexOf(from))) {
      for (const line of linesOf(readFileSync(join(this.directory, fileOf(segment)))))
        if (line.sequence >= from) yield line;
    }
  }

  /** Deletes the segments that hold nothing after a sequence, but for the one that is written to. */
  deleteUpTo(sequence: number): void {
    while (this.segments.length > 1 && (this.segments[1] as Segment).first <= sequence + 1) {
      unlinkSync(join(this.directory, fileOf(this.segments.shift() as Segment)));
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private writable(first: number): Segment {
    const newest = this.segments.at(-1);
    if (newest !== undefined && newest.bytes < this.segmentBytes) return newest;
    this.close();
    const segment = { first, bytes: 0 };
    this.segments.push(segment);
    return segment;
  }

  /** The segment in which a sequence lies. */
  private indexOf(sequence: number): number {
    return Math.max(
      0,
      this.segments.findLastIndex((segment) => segment.first <= sequence),
    );
  }
}

export function encodeLine(sequence: number, event: unknown): string {
  return `{"sequence":${sequence},"event":${JSON.stringify(event)}}\n`;
}

const NEWLINE = 0x0a;
const DIGITS = 16;
const NAME = /^\d{16}\.jsonl$/;

function fileOf(segment: Segment): string {
  return `${String(segment.first).padStart(DIGITS, '0')}.jsonl`;
}

function linesOf(bytes: Buffer): Line[] {
  return bytes.toString('utf8').split('\n').flatMap(parsed);
}

function parsed(text: string): Line[] {
  try {
    return text === '' ? [] : [JSON.parse(text) as Line];
  } catch {
    return [];
  }
}
