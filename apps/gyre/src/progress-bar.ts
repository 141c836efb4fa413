import { Presets, SingleBar } from 'cli-progress';
import { count } from './output.js';

/** Rows that are done, on standard error, with how quickly they were. */
export class ProgressBar {
  private readonly bar: SingleBar;
  private readonly began = performance.now();

  /**
   * @param rowsBefore done before this run
   * @param more names of further texts, that stand at the end
   */
  constructor(
    rows: number,
    private readonly rowsBefore = 0,
    more: readonly string[] = [],
  ) {
    const format = [
      '{bar} {percentage} %',
      '{value}/{total} rows',
      '{rate} rows/s',
      ...more.map((name) => `{${name}}`),
    ];
    this.bar = new SingleBar(
      { format: format.join(' | '), stream: process.stderr, hideCursor: true, fps: 5, barsize: 24 },
      Presets.shades_classic,
    );
    this.bar.start(rows, rowsBefore, { rate: '-', ...Object.fromEntries(more.map((name) => [name, ''])) });
  }

  update(rowsDone: number, more: Readonly<Record<string, string>> = {}): void {
    this.bar.update(rowsDone, { rate: rateOf(rowsDone - this.rowsBefore, this.began), ...more });
  }

  stop(): void {
    this.bar.stop();
  }
}

/** Rows a second. @param began by `performance.now()` */
export function rateOf(rows: number, began: number): string {
  return count(Math.round((1_000 * rows) / Math.max(1, performance.now() - began)));
}
