import { count } from '../output.js';
import { ProgressBar, rateOf } from '../progress-bar.js';
import { harmless, type Terminal } from '../terminal.js';
import type { Progress } from './driver.js';

const LINE_EVERY_MS = 10_000;
const DECISION_WIDTH = 60;

/** Shows how a replay gets on: a bar where a person watches, else a line now and then. */
export class ProgressDisplay {
  private readonly bar: ProgressBar | undefined;
  private readonly began = performance.now();
  private lineAt = performance.now();

  constructor(
    private readonly terminal: Terminal,
    private readonly rows: number,
    /** Answered before this run. */
    private readonly rowsBefore: number,
  ) {
    if (terminal.watched) this.bar = new ProgressBar(rows, rowsBefore, ['champion', 'decision']);
  }

  update({ rowsDone, champion, decision }: Progress): void {
    const serving = champion === null ? 'fallback' : `champion v${champion}`;
    const newest = harmless(decision ?? '').replace(/\s+/g, ' ');
    if (this.bar !== undefined) {
      this.bar.update(rowsDone, { champion: serving, decision: cut(newest) });
      return;
    }
    const now = performance.now();
    if (now - this.lineAt < LINE_EVERY_MS) return;
    this.lineAt = now;
    const rate = rateOf(rowsDone - this.rowsBefore, this.began);
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
