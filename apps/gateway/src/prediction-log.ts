import { GyreError, type Predicted, type Scored } from '@gyre/contracts';
import type { Logger } from '@gyre/hosting';
import type { Platform } from '@gyre/platform';
import { Cursor } from './log-cursor.js';
import { takeLogs, type OwnedLog } from './log-directory.js';
import { predictionLine, shadowsLine } from './log-lines.js';
import { LogShipping } from './log-shipping.js';
import { LogSignals } from './log-signals.js';
import { LogWriter } from './log-writer.js';

export interface PredictionLogOptions {
  /** Several gateways may share it: each takes a directory of its own in it, and has the same at its next start. */
  directory: string;
  platform: Pick<Platform, 'appendAs' | 'appenderRecipe'>;
  log: Logger;
  /** Records that wait for the topic take at most so many bytes on disk. */
  maxBytes: number;
  segmentBytes: number;
  /** When they would take more: refuse requests, or answer without a record. */
  onFull: 'shed' | 'serveUnlogged';
  /** Wait for the disk at every write, so that loss of power takes nothing that was answered. */
  fsync: boolean;
  /** How long records wait for others to be shipped with, ms. */
  gatherMs: number;
}

/**
 * The gateway's own log of what it has answered: written before the answer leaves, shipped to gyre.predictions behind it by a thread.
 *
 * What is appended survives `kill -9` (a write to the page cache), with `fsync` the machine's death too. Each record has a sequence under a
 * stable instance id; a cursor file holds the last one known to be in the topic. What lies after the cursor at the next start is shipped then,
 * under the same instance and sequence, so that readers drop what had arrived before. So are the logs of other gateways that died here.
 */
export class PredictionLog {
  /** Records that were answered without being logged. */
  unlogged = 0;

  private readonly signals = new LogSignals();
  private readonly shipping: LogShipping;
  private next: number;
  /** The last sequence in the log. */
  private last: number;
  private records = 0;
  private written: number;
  /** Lines that could not be written and without which shipping would wait for ever. */
  private owed = '';
  private owedTimer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly options: PredictionLogOptions,
    private readonly own: OwnedLog,
    orphans: readonly OwnedLog[],
    private readonly writer: LogWriter,
  ) {
    const cursor = Cursor.open(own.directory);
    const last = Math.max(writer.last, cursor.sequence);
    cursor.close();
    // What the machine lost with its page cache may have been shipped: its sequences are not given again.
    this.next = last === 0 ? 1 : last + SKIPPED_AT_START;
    this.last = writer.last;
    this.written = writer.bytes;
    const { platform, log, gatherMs } = options;
    const { signals } = this;
    this.shipping = new LogShipping({ platform, log, own, orphans, liveFrom: this.next, gatherMs, signals });
  }

  /** Opens the log and begins to ship what earlier processes left in it. */
  static open(options: PredictionLogOptions): PredictionLog {
    const { own, orphans } = takeLogs(options.directory);
    return new PredictionLog(options, own, orphans, LogWriter.open(own.directory, options));
  }

  /** This gateway's name as a producer. */
  get instance(): string {
    return this.own.instance;
  }

  /**
   * Records predictions: one write for all. When it returns they will reach the topic, whatever becomes of this process.
   *
   * @param awaits whether the shadows of the i-th are scored later: `shadows` must then be called for its sequence, in any case
   * @returns the sequence of the first, the others' follow; null where the log is full and requests are answered all the same
   * @throws GyreError OVERLOADED where the log is full and set to shed
   */
  append(events: readonly Predicted[], awaits: (index: number) => boolean = () => false): number | null {
    const first = this.next;
    if (events.length === 0) return first;
    let text = this.owed;
    for (const [i, event] of events.entries()) text += predictionLine(first + i, event, awaits(i));
    this.next += events.length;
    const lines = Buffer.from(text);
    const problem = this.noRoomFor(lines) ?? this.tryWrite(lines, first);
    if (problem !== null) return this.refuse(problem, events.length);
    this.last = this.next - 1;
    this.records += events.length;
    this.signals.written();
    return first;
  }

  /** Adds what the shadows of earlier predictions said, by their sequences: one write for all. Scores are empty where they were shed. */
  shadows(scored: readonly { sequence: number; shadows: readonly Scored[] }[]): void {
    if (scored.length === 0) return;
    let text = this.owed;
    for (const { sequence, shadows } of scored) text += shadowsLine(sequence, shadows);
    const problem = this.tryWrite(Buffer.from(text), this.next);
    if (problem === null) this.signals.written();
    else this.owe(scored.map(({ sequence }) => sequence));
  }

  /** Resolves when everything that was appended before the call is in the topic. */
  async shipped(): Promise<void> {
    const { last } = this;
    if (this.signals.shipped >= last) return;
    this.signals.hurry();
    for (let shipped = this.signals.shipped; shipped < last; shipped = this.signals.shipped) {
      await this.signals.shippedBeyond(shipped, LOOK_AGAIN_MS);
    }
  }

  /** What waits for the topic: records of this process, and the size of the files. */
  backlog(): { records: number; bytes: number } {
    return { records: this.records - this.signals.shippedRecords, bytes: this.written - this.signals.freedBytes };
  }

  /** Why nothing more can be logged, in words; null when it can. */
  full(): string | null {
    return this.noRoomFor(SMALLEST);
  }

  /** Ships what is left, as far as the platform takes it within `graceMs`; the rest is shipped at the next start. */
  async close(graceMs = 5_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
    await Promise.race([this.shipped(), grace]);
    clearTimeout(timer);
    clearTimeout(this.owedTimer);
    await this.shipping.end();
    this.writer.close();
    this.own.release();
  }

  private noRoomFor(lines: Buffer): string | null {
    const { bytes } = this.backlog();
    const { maxBytes } = this.options;
    return bytes + lines.length > maxBytes ? `it holds ${bytes} of ${maxBytes} bytes` : null;
  }

  private tryWrite(lines: Buffer, first: number): string | null {
    try {
      this.writer.append(lines, first);
    } catch (error) {
      return (error as Error).message;
    }
    this.owed = '';
    this.written += lines.length;
    return null;
  }

  private refuse(problem: string, records: number): null {
    if (this.options.onFull === 'shed') {
      throw new GyreError(
        'OVERLOADED',
        `the prediction log takes no more: ${problem}; try again when it has been shipped`,
      );
    }
    this.unlogged += records;
    return null;
  }

  private owe(sequences: readonly number[]): void {
    this.owed += sequences.map((sequence) => shadowsLine(sequence, [])).join('');
    this.owedTimer ??= setTimeout(() => {
      this.owedTimer = undefined;
      if (this.owed === '') return;
      if (this.tryWrite(Buffer.from(this.owed), this.next) === null) this.signals.written();
      else this.owe([]);
    }, OWED_AGAIN_MS).unref();
  }
}

const SKIPPED_AT_START = 1_000_000;
const OWED_AGAIN_MS = 1_000;
/** Against a wake-up that is lost; none is known to be. */
const LOOK_AGAIN_MS = 1_000;
const SMALLEST = Buffer.alloc(1);
