import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { isPrediction, linesIn } from './log-lines.js';
import { bytesOf, NEWLINE, segmentAt, segmentsIn, type Segment } from './log-segments.js';

/** Writes the prediction log's files. What `append` has written survives the death of the process; with `fsync`, of the machine. */
export class LogWriter {
  private descriptor: number | undefined;

  private constructor(
    private readonly directory: string,
    private readonly options: { segmentBytes: number; fsync: boolean },
    private newest: (Segment & { bytes: number }) | undefined,
    /** Sequence of the last prediction that an earlier process wrote; 0 where there is none. */
    readonly last: number,
    /** Size of what earlier processes left, bytes. */
    readonly bytes: number,
  ) {}

  /** Cuts off a line that a dying process left unfinished. */
  static open(directory: string, options: { segmentBytes: number; fsync: boolean }): LogWriter {
    const segments = segmentsIn(directory);
    const newest = segments.at(-1);
    if (newest === undefined) return new LogWriter(directory, options, undefined, 0, 0);
    const content = readFileSync(newest.path);
    const bytes = content.lastIndexOf(NEWLINE) + 1;
    if (bytes < content.length) truncateSync(newest.path, bytes);
    const last = linesIn(content.subarray(0, bytes)).findLast(isPrediction)?.sequence ?? newest.first - 1;
    return new LogWriter(directory, options, { ...newest, bytes }, last, bytesOf(segments));
  }

  /**
   * Writes whole lines, or throws and leaves no part of them, or, where the disk is so broken that they cannot be cut off, a part that readers leave out. After a failure `first` must not be given again.
   * @param first sequence of their first prediction, or of the next one
   */
  append(lines: Buffer, first: number): void {
    const segment = this.writable(first);
    const descriptor = (this.descriptor ??= openSync(segment.path, 'a'));
    try {
      for (let at = 0; at < lines.length;) at += writeSync(descriptor, lines, at);
      if (this.options.fsync) fdatasyncSync(descriptor);
    } catch (error) {
      // Whoever reads may have seen some of it: what follows goes to another file, where nothing was cut off.
      this.newest = undefined;
      try {
        ftruncateSync(descriptor, segment.bytes);
      } finally {
        this.close();
      }
      throw error;
    }
    segment.bytes += lines.length;
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private writable(first: number): Segment & { bytes: number } {
    const { newest } = this;
    if (newest !== undefined && (newest.bytes < this.options.segmentBytes || newest.first === first)) return newest;
    this.close();
    return (this.newest = { ...segmentAt(this.directory, first), bytes: 0 });
  }
}
