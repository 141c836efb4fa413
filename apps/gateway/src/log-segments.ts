import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the prediction log. Its name is the sequence that its first prediction has, or would have. */
export interface Segment {
  first: number;
  path: string;
}

const DIGITS = 16;
const NAME = /^\d{16}\.jsonl$/;

export const NEWLINE = 0x0a;

export function segmentAt(directory: string, first: number): Segment {
  return { first, path: join(directory, `${String(first).padStart(DIGITS, '0')}.jsonl`) };
}

/** Oldest first. Only the newest is written to. */
export function segmentsIn(directory: string): Segment[] {
  return readdirSync(directory)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => segmentAt(directory, Number(name.slice(0, DIGITS))));
}

export function bytesOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { path }) => sum + statSync(path).size, 0);
}

/** Deletes the segments that hold nothing after a sequence, but for the newest. @returns the bytes that became free */
export function deleteUpTo(sequence: number, directory: string): number {
  const segments = segmentsIn(directory);
  let freed = 0;
  while (segments.length > 1 && (segments[1] as Segment).first <= sequence + 1) {
    const [oldest] = segments.splice(0, 1) as [Segment];
    freed += bytesOf([oldest]);
    unlinkSync(oldest.path);
  }
  return freed;
}
