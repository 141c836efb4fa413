import { count, table } from '../output.js';
import { harmless } from '../terminal.js';
import type { PredictFileSummary } from './predict-file.js';

/** What came of a file's rows, as a person reads it. */
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
