import { Presets, SingleBar } from 'cli-progress';
import { count, table } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';
import type { PredictFileSummary } from './predict-file.js';

/** A bar where a person watches; nothing else. */
export class RowsBar {
  private bar: SingleBar | undefined;
  private began = 0;

  constructor(private readonly terminal: Terminal) {}

  begin(rows: number): void {
    if (!this.terminal.watched) return;
    const format = '{bar} {percentage} % | {value}/{total} rows | {rate} rows/s';
    this.bar = new SingleBar(
      { format, stream: process.stderr, hideCursor: true, fps: 5, barsize: 24 },
      Presets.shades_classic,
    );
    this.began = performance.now();
    this.bar.start(rows, 0, { rate: '-' });
  }

  update(rows: number): void {
    const seconds = (performance.now() - this.began) / 1_000;
    this.bar?.update(rows, { rate: count(Math.round(rows / Math.max(seconds, 0.001))) });
  }

  stop(): void {
    this.bar?.stop();
  }
}

export function summaryText({
  model,
  out,
  rows,
  seconds,
  rowsPerSecond,
  versions,
  ...rest
}: PredictFileSummary): string {
  const by = Object.entries(versions).map(([version, n]) => [
    version === 'fallback' ? 'the fallback' : `version ${version}`,
    `${count(n)} rows`,
  ]);
  const why = Object.entries(rest.fallbackReasons).map(([reason, n]) => [reason, `${count(n)} rows`]);
  const head = `${count(rows)} rows of ${harmless(out)} predicted by ${model} in ${seconds.toFixed(1)} s, ${count(rowsPerSecond)} a second.\n`;
  return head + table(['answered by', ''], [...by, ...why], { right: [1] });
}
