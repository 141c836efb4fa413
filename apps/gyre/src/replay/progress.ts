import { Presets, SingleBar } from 'cli-progress';
import { count } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';
import type { Progress } from './driver.js';

const LINE_EVERY_MS = 10_000;
const DECISION_WIDTH = 60;

/** Shows how a replay gets on: a bar where a person watches, else a line now and then. */
export class ProgressDisplay {
  private readonly bar: SingleBar | undefined;
  private readonly began = performance.now();
  private lineAt = performance.now();

  constructor(
    private readonly terminal: Terminal,
    private readonly rows: number,
    /** Answered before this run. */
    private readonly rowsBefore: number,
  ) {
    if (!terminal.watched) return;
    const format = '{bar} {percentage} % | {value}/{total} rows | {rate} rows/s | {champion} | {decision}';
    this.bar = new SingleBar(
      { format, stream: process.stderr, hideCursor: true, fps: 5, barsize: 24, etaBuffer: 50 },
      Presets.shades_classic,
    );
    this.bar.start(rows, rowsBefore, { rate: '-', champion: 'fallback', decision: '' });
  }

  update({ rowsDone, champion, decision }: Progress): void {
    const now = performance.now();
    const rate = count(Math.round((1_000 * (rowsDone - this.rowsBefore)) / Math.max(1, now - this.began)));
    const serving = champion === null ? 'fallback' : `champion v${champion}`;
    const newest = harmless(decision ?? '').replace(/\s+/g, ' ');
    if (this.bar !== undefined) {
      this.bar.update(rowsDone, { rate, champion: serving, decision: cut(newest) });
      return;
    }
    if (now - this.lineAt < LINE_EVERY_MS) return;
    this.lineAt = now;
    this.terminal.note(
      `${count(rowsDone)} of ${count(this.rows)} rows, ${rate} rows/s, ${serving}${newest === '' ? '' : `; ${newest}`}\n`,
    );
  }

  stop(): void {
    this.bar?.stop();
  }
}

function cut(text: string): string {
  return text.length <= DECISION_WIDTH ? text : `${text.slice(0, DECISION_WIDTH - 1)}…`;
}
