import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { GyreError, topics, type Predicted } from '@gyre/contracts';
import type { Logger } from '@gyre/hosting';
import type { Platform, Sequenced } from '@gyre/platform';
import { encodeLine, LogSegments, type Line } from './log-segments.js';

export interface PredictionLogOptions {
  /** Of this gateway alone, and the same at its next start. */
  directory: string;
  platform: Pick<Platform, 'appendAs'>;
  log: Logger;
  /** Records that wait for the topic take at most so many bytes on disk. */
  maxBytes: number;
  segmentBytes: number;
  /** When they would take more: refuse requests, or answer without a record. */
  onFull: 'shed' | 'serveUnlogged';
}

/**
 * The gateway's own log of what it has answered: written before the answer leaves, shipped to gyre.predictions behind it.
 *
 * What is appended survives `kill -9` (a write to the page cache; not the machine's death). Each record has a sequence under a stable
 * instance id; a cursor file holds the last one known to be in the topic. What lies after the cursor at the next start is shipped then, under
 * the same instance and sequence, so that readers drop what had arrived before.
 *
 * Shipping runs on the loop's thread, from memory: the records are at hand there, a worker would have to read and parse the file again, and
 * the embedded platform's writes are on this thread in any case. The files are read only for what a dead process left behind, and for what did
 * not fit into memory while the platform was away.
 */
export class PredictionLog {
  /** Records that were answered without being logged. */
  unlogged = 0;

  /** In the order of their sequence; the first are being shipped. */
  private waiting: Sequenced<Predicted>[] = [];
  /** Some records after those in `waiting` are only on disk. */
  private moreOnDisk: boolean;
  private disk: Generator<Line> | undefined;
  private next: number;
  private shipping = false;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;
  private bytes: number;
  private readonly watchers: { sequence: number; resolve: () => void }[] = [];

  private constructor(
    private readonly options: PredictionLogOptions,
    private readonly segments: LogSegments,
    /** This gateway's name as a producer. */
    readonly instance: string,
    private readonly cursor: Cursor,
  ) {
    const last = Math.max(segments.last, cursor.sequence);
    // What the machine lost with its page cache may have been shipped: its sequences are not given again.
    this.next = last === 0 ? 1 : last + SKIPPED_AT_START;
    this.moreOnDisk = segments.last > cursor.sequence;
    this.bytes = segments.bytes;
  }

  /** Opens the log and begins to ship what an earlier process left in it. */
  static open(options: PredictionLogOptions): PredictionLog {
    const segments = LogSegments.open(options.directory, options.segmentBytes);
    const log = new PredictionLog(
      options,
      segments,
      instanceOf(options.directory),
      new Cursor(join(options.directory, 'cursor')),
    );
    log.ship();
    return log;
  }

  /**
   * Records predictions: one write for all. When it returns they will reach the topic, whatever becomes of this process.
   * @throws GyreError OVERLOADED where the log is full and set to shed
   */
  append(events: readonly Predicted[]): void {
    if (events.length === 0) return;
    const first = this.next;
    let text = '';
    for (const [i, event] of events.entries()) text += encodeLine(first + i, event);
    if (!this.write(Buffer.from(text), first, first + events.length - 1)) return;
    this.next += events.length;
    if (this.moreOnDisk || this.waiting.length + events.length > RECORDS_IN_MEMORY_MAX) this.moreOnDisk = true;
    else for (const [i, event] of events.entries()) this.waiting.push({ sequence: first + i, event });
    this.ship();
  }

  /** Resolves when everything that was appended before the call is in the topic. */
  shipped(): Promise<void> {
    const sequence = this.segments.last;
    if (this.cursor.sequence >= sequence) return Promise.resolve();
    const shipped = new Promise<void>((resolve) => this.watchers.push({ sequence, resolve }));
    this.shipNow();
    return shipped;
  }

  /** What waits for the topic: records in memory, whether more wait on disk, and the size of the files. */
  backlog(): { records: number; moreOnDisk: boolean; bytes: number } {
    return { records: this.waiting.length, moreOnDisk: this.moreOnDisk, bytes: this.bytes };
  }

  /** Ships what is left, as far as the platform takes it within `graceMs`; the rest is shipped at the next start. */
  async close(graceMs = 5_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
    await Promise.race([this.shipped(), grace]);
    clearTimeout(timer);
    clearTimeout(this.timer);
    this.closed = true;
    this.segments.close();
    this.cursor.close();
  }

  /** @returns whether the lines were written; not so where the log is full and requests are answered all the same */
  private write(lines: Buffer, first: number, last: number): boolean {
    const problem = this.tryWrite(lines, first, last);
    if (problem === null) return true;
    if (this.options.onFull === 'shed') {
      throw new GyreError(
        'OVERLOADED',
        `the prediction log takes no more: ${problem}; try again when it has been shipped`,
      );
    }
    this.unlogged += last - first + 1;
    return false;
  }

  private tryWrite(lines: Buffer, first: number, last: number): string | null {
    if (this.bytes + lines.length > this.options.maxBytes)
      return `it holds ${this.bytes} of ${this.options.maxBytes} bytes`;
    try {
      this.segments.append(lines, first, last);
    } catch (error) {
      return (error as Error).message;
    }
    this.bytes += lines.length;
    return null;
  }

  /** Ships soon: the answers leave first, and the turns of a few milliseconds share one transaction. */
  private ship(): void {
    if (this.shipping || this.closed) return;
    this.timer ??= setTimeout(() => this.shipNow(), SHIP_AFTER_MS);
  }

  private shipNow(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.shipping || this.closed) return;
    this.shipping = true;
    void this.shipAll();
  }

  private async shipAll(): Promise<void> {
    const { platform, log } = this.options;
    let pauseMs = PAUSE_MIN_MS;
    for (let batch = this.batch(); batch.length > 0;) {
      try {
        await platform.appendAs(this.instance, topics.predictions, batch);
      } catch (error) {
        log.warn('predictions cannot be shipped; they wait in the log', {
          error: (error as Error).message,
          ...this.backlog(),
          pauseMs,
        });
        await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2);
        if (this.closed) return;
        continue;
      }
      if (this.closed) return;
      pauseMs = PAUSE_MIN_MS;
      this.acknowledge(batch);
      batch = this.batch();
    }
    // In the same step as the last look for more, or a record could be appended unseen in between.
    this.shipping = false;
  }

  /** The next records to ship; empty when there are none. */
  private batch(): Sequenced<Predicted>[] {
    if (this.waiting.length > 0) return this.waiting.slice(0, BATCH_RECORDS);
    const batch: Sequenced<Predicted>[] = [];
    while (this.moreOnDisk && batch.length < BATCH_RECORDS) {
      const begun = this.disk !== undefined;
      this.disk ??= this.segments.read(this.cursor.sequence + 1);
      const line = this.disk.next();
      if (line.done !== true) {
        batch.push(line.value as Sequenced<Predicted>);
        continue;
      }
      this.disk = undefined;
      if (batch.length > 0) break;
      // More may have been written since the newest segment was read: only a reading that begins at its end knows that nothing is left.
      if (begun) continue;
      this.moreOnDisk = false;
      this.acknowledgeUpTo(this.segments.last);
    }
    return batch;
  }

  private acknowledge(batch: readonly Sequenced<Predicted>[]): void {
    const { sequence } = batch.at(-1) as Sequenced<Predicted>;
    if (this.waiting[0] === batch[0]) this.waiting.splice(0, batch.length);
    this.acknowledgeUpTo(sequence);
  }

  private acknowledgeUpTo(sequence: number): void {
    this.cursor.move(sequence);
    this.segments.deleteUpTo(sequence);
    this.bytes = this.segments.bytes;
    for (let i = this.watchers.length - 1; i >= 0; i--) {
      const watcher = this.watchers[i] as { sequence: number; resolve: () => void };
      if (watcher.sequence > sequence) continue;
      this.watchers.splice(i, 1);
      watcher.resolve();
    }
  }
}

const BATCH_RECORDS = 500;
const RECORDS_IN_MEMORY_MAX = 50_000;
const SHIP_AFTER_MS = 5;
const SKIPPED_AT_START = 1_000_000;
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 5_000;

/** The last sequence that is known to be in the topic, in a file of 20 digits that is written in place. */
class Cursor {
  sequence: number;
  private readonly descriptor: number;

  constructor(path: string) {
    this.descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT);
    this.sequence = Number(/^\d{20}$/.exec(readFileSync(path, 'utf8'))?.[0] ?? 0);
  }

  move(sequence: number): void {
    if (sequence <= this.sequence) return;
    this.sequence = sequence;
    writeSync(this.descriptor, String(sequence).padStart(20, '0'), 0);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** The instance id of a log directory, made up once. */
function instanceOf(directory: string): string {
  const path = join(directory, 'instance');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    const instance = `gateway-${randomUUID()}`;
    writeFileSync(`${path}.new`, `${instance}\n`);
    renameSync(`${path}.new`, path);
    return instance;
  }
}
