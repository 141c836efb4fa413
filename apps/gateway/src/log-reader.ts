import { closeSync, openSync, readSync } from 'node:fs';
import { linesIn, type Line } from './log-lines.js';
import { NEWLINE, segmentsIn, type Segment } from './log-segments.js';

const CHUNK_BYTES = 1_048_576;

/** Reads the prediction log's files in order, as far as they have been written, while they are written to. */
export class LogReader {
  private segment: (Segment & { descriptor: number; at: number }) | undefined;
  private chunk = Buffer.allocUnsafe(CHUNK_BYTES);

  /** @param from a sequence: reading begins with the file in which it lies */
  constructor(
    private readonly directory: string,
    private from: number,
  ) {}

  /** The next lines; none where there are no more yet. */
  next(): Line[] {
    for (;;) {
      // Looked up before the reading: what was written to a segment before its successor appeared is not passed over.
      const successor = this.successor();
      const lines = this.segment === undefined ? [] : this.readOn(this.segment);
      if (lines.length > 0) return lines;
      if (successor === undefined) return [];
      this.close();
      this.segment = { ...successor, descriptor: openSync(successor.path, 'r'), at: 0 };
    }
  }

  close(): void {
    if (this.segment !== undefined) closeSync(this.segment.descriptor);
    this.segment = undefined;
  }

  private successor(): Segment | undefined {
    const segments = segmentsIn(this.directory);
    const { segment } = this;
    if (segment !== undefined) return segments.find(({ first }) => first > segment.first);
    return segments.findLast(({ first }) => first <= this.from) ?? segments[0];
  }

  /** Whole lines only: the rest of the last one is read next time. */
  private readOn(segment: { descriptor: number; at: number }): Line[] {
    for (;;) {
      const length = readSync(segment.descriptor, this.chunk, 0, this.chunk.length, segment.at);
      const end = length === 0 ? 0 : this.chunk.lastIndexOf(NEWLINE, length - 1) + 1;
      if (end === 0 && length < this.chunk.length) return [];
      segment.at += end;
      if (end === 0) this.chunk = Buffer.allocUnsafe(2 * this.chunk.length);
      const lines = linesIn(this.chunk.subarray(0, end));
      if (lines.length > 0) return lines;
    }
  }
}
