import { GyreError, topics, type Predicted } from '@gyre/contracts';
import type { PlatformAppender, Sequenced } from '@gyre/platform';
import { Cursor } from './log-cursor.js';
import { isPrediction, type Line, type PredictionLine } from './log-lines.js';
import { LogReader } from './log-reader.js';
import { deleteUpTo } from './log-segments.js';
import type { LogSignals } from './log-signals.js';

/** A log and under which name it is shipped. */
export interface ShippedLog {
  directory: string;
  /** The producer's name. */
  instance: string;
}

/** What happens on the way, for the log that people read. */
export type Tell = (level: 'warn' | 'error' | 'info', message: string, fields: Record<string, unknown>) => void;

type Topic = Pick<PlatformAppender, 'appendAs'>;

const BATCH_RECORDS = 500;
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 5_000;

/**
 * Ships a prediction log to gyre.predictions, in order, under a stable producer name and sequences: what is sent again after a crash, readers
 * drop. A cursor file holds how far it came.
 *
 * A prediction that awaits its shadows is held back until their scores are read, so that both arrive as one record. What a dead process left
 * awaiting goes as it is.
 */
export class LogShipper {
  private readonly reader: LogReader;
  private readonly cursor: Cursor;
  private readonly waiting: PredictionLine[] = [];
  private readonly awaiting = new Map<number, PredictionLine>();
  private pauseMs = PAUSE_MIN_MS;

  /** @param liveFrom the first sequence that the living process gives, Infinity in another's log: what lies before was left by a dead one */
  constructor(
    private readonly log: ShippedLog,
    private readonly liveFrom: number,
    private readonly topic: Topic,
    private readonly tell: Tell,
  ) {
    this.cursor = Cursor.open(log.directory);
    this.reader = new LogReader(log.directory, this.cursor.sequence + 1);
  }

  /** Ships what a dead process left, to its end. */
  async drain(signals: LogSignals): Promise<void> {
    while (!signals.ended && (this.read() || this.waiting.length > 0)) await this.ship(signals);
  }

  /**
   * Ships what is there and what comes, until it is ended.
   * @param gatherMs how long what comes waits for more
   */
  async run(signals: LogSignals, gatherMs: number): Promise<void> {
    while (!signals.ended) {
      const seen = signals.seen();
      const more = this.read();
      const shipped = await this.ship(signals);
      // What failed has paused already, and is tried again even if nobody writes any more.
      if (more || shipped !== 'nothing') continue;
      signals.arrived(this.cursor.sequence, 0);
      await signals.moreThan(seen);
      if (gatherMs > 0) await signals.pause(gatherMs, seen);
    }
  }

  close(): void {
    this.reader.close();
    this.cursor.close();
  }

  /** @returns whether there was more */
  private read(): boolean {
    if (this.waiting.length >= BATCH_RECORDS && this.waiting[0]?.awaits !== true) return false;
    const lines = this.reader.next();
    for (const line of lines) this.take(line);
    if (lines.length === 0) this.leftByTheDead();
    return lines.length > 0;
  }

  private take(line: Line): void {
    if (isPrediction(line)) {
      if (line.sequence <= this.cursor.sequence) return;
      if (line.sequence >= this.liveFrom) this.leftByTheDead();
      this.waiting.push(line);
      if (line.awaits === true) this.awaiting.set(line.sequence, line);
      return;
    }
    const prediction = this.awaiting.get(line.of);
    if (prediction === undefined) return;
    this.awaiting.delete(line.of);
    prediction.event.shadows = line.shadows;
    delete prediction.awaits;
  }

  /** Nobody will score their shadows any more. */
  private leftByTheDead(): void {
    for (const [sequence, line] of this.awaiting) {
      if (sequence >= this.liveFrom) continue;
      this.awaiting.delete(sequence);
      delete line.awaits;
    }
  }

  /** @returns what became of the next batch; `nothing` where none is complete */
  private async ship(signals: LogSignals): Promise<'shipped' | 'nothing' | 'failed'> {
    const end = this.waiting.slice(0, BATCH_RECORDS).findIndex(({ awaits }) => awaits === true);
    const batch = this.waiting.slice(0, end === -1 ? BATCH_RECORDS : end);
    const last = batch.at(-1);
    if (last === undefined) return 'nothing';
    try {
      await this.send(batch);
    } catch (error) {
      const { pauseMs } = this;
      const seen = signals.seen();
      this.pauseMs = Math.min(PAUSE_MAX_MS, 2 * pauseMs);
      const { instance } = this.log;
      this.tell('warn', 'predictions cannot be shipped; they wait in the log', {
        instance,
        pauseMs,
        sequence: batch[0]?.sequence,
        error: (error as Error).message,
      });
      await signals.pause(pauseMs, seen);
      return 'failed';
    }
    this.pauseMs = PAUSE_MIN_MS;
    this.waiting.splice(0, batch.length);
    this.cursor.move(last.sequence);
    const freed = deleteUpTo(last.sequence, this.log.directory);
    // The signals are about the living process's own log.
    if (this.liveFrom === Infinity) return 'shipped';
    signals.freed(freed);
    signals.arrived(last.sequence, batch.filter(({ sequence }) => sequence >= this.liveFrom).length);
    return 'shipped';
  }

  private async send(batch: readonly Sequenced<Predicted>[]): Promise<void> {
    try {
      await this.topic.appendAs(this.log.instance, topics.predictions, batch);
    } catch (error) {
      if (!(error instanceof GyreError) || error.code !== 'EVENT_TOO_LARGE') throw error;
      if (batch.length > 1) {
        for (const one of batch) await this.send([one]);
        return;
      }
      // It would be refused for ever, and hold up all that follows.
      const { id, model } = (batch[0] as Sequenced<Predicted>).event;
      this.tell('error', 'a prediction is too large for the topic; it is left out', {
        id,
        model,
        error: error.message,
      });
    }
  }
}
