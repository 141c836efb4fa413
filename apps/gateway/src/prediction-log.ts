import { GyreError, type Predicted, type Scored } from '@gyre/contracts';
import { LogLimit, type Logger } from '@gyre/hosting';
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
  /** What the last write failed of, such as ENOSPC; null where it did not. */
  private broken: string | null = null;
  private readonly lines = new LogLimit();
  private laterTimer: NodeJS.Timeout | undefined;

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
   * @returns the sequence of the first, the others' follow; null where the log is full or cannot be written, and requests are answered all the same
   * @throws GyreError OVERLOADED where the log is full or cannot be written, and is set to shed
   */
  append(events: readonly Predicted[], awaits: (index: number) => boolean = () => false): number | null {
    const first = this.next;
    if (events.length === 0) return first;
    let text = this.owed;
    for (const [i, event] of events.entries()) text += predictionLine(first + i, event, awaits(i));
    this.next += events.length;
    const lines = Buffer.from(text);
    const problem = this.noRoomFor(lines);
    if (problem !== null)
      return this.refuse(`takes no more: ${problem}; try again when it has been shipped`, events.length);
    if (!this.tryWrite(lines, first))
      return this.refuse(
        'cannot be written, for the disk of this gateway is full or broken; try again later',
        events.length,
      );
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
    if (this.tryWrite(Buffer.from(text), this.next)) this.signals.written();
    else this.owed += scored.map(({ sequence }) => shadowsLine(sequence, [])).join('');
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
  problem(): string | null {
    if (this.broken !== null) return `it cannot be written: ${this.broken}`;
    return this.noRoomFor(SMALLEST);
  }

  /** Ships what is left, as far as the platform takes it within `graceMs`; the rest is shipped at the next start. */
  async close(graceMs = 5_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
    await Promise.race([this.shipped(), grace]);
    clearTimeout(timer);
    clearTimeout(this.laterTimer);
    await this.shipping.end();
    this.writer.close();
    this.own.release();
  }

  private noRoomFor(lines: Buffer): string | null {
    const { bytes } = this.backlog();
    const { maxBytes } = this.options;
    return bytes + lines.length > maxBytes ? `it holds ${bytes} of ${maxBytes} bytes` : null;
  }

  /** @returns whether it could */
  private tryWrite(lines: Buffer, first: number): boolean {
    try {
      this.writer.append(lines, first);
    } catch (error) {
      // A part of it may lie in the file that this number names.
      this.next += 1;
      this.failed(error as NodeJS.ErrnoException);
      return false;
    }
    if (this.broken !== null) this.options.log.info('the prediction log can be written again');
    this.broken = null;
    this.owed = '';
    this.written += lines.length;
    return true;
  }

  private failed({ code, message }: NodeJS.ErrnoException): void {
    this.broken = code ?? message;
    const suppressed = this.lines.due('write');
    if (suppressed !== null) {
      const { directory } = this.own;
      this.options.log.error('the prediction log cannot be written', { directory, error: message, suppressed });
    }
    this.laterTimer ??= setTimeout(() => this.tryLater(), LATER_MS).unref();
  }

  /** Finds out whether it can be written again, for whoever is not ready is sent no request that would. Readers pass over an empty line. */
  private tryLater(): void {
    this.laterTimer = undefined;
    if (this.broken === null) return;
    if (this.tryWrite(Buffer.from(this.owed === '' ? '\n' : this.owed), this.next)) this.signals.written();
  }

  private refuse(problem: string, records: number): null {
    if (this.options.onFull === 'shed') throw new GyreError('OVERLOADED', `the prediction log ${problem}`);
    this.unlogged += records;
    return null;
  }
}

const SKIPPED_AT_START = 1_000_000;
const LATER_MS = 1_000;
/** Against a wake-up that is lost; none is known to be. */
const LOOK_AGAIN_MS = 1_000;
const SMALLEST = Buffer.alloc(1);
