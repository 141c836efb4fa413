import { writeSync } from 'node:fs';
import { EmbeddedPlatform } from '@gyre/platform';
import { aPrediction, KeptLog } from './a-model.js';
import { PredictionLog } from './prediction-log.js';

/**
 * A gateway's process, for prediction-log.spec.ts to kill: it logs and then says, a few predictions a turn, for ever.
 * Arguments: the platform's directory, the log's directory, the prefix of its ids.
 */
const [dir = '', directory = '', prefix = ''] = process.argv.slice(2);
const platform = EmbeddedPlatform.open({ dir, partitions: 2, tickEveryMs: null });
const log = PredictionLog.open({
  directory,
  platform,
  log: new KeptLog(),
  maxBytes: 100_000_000,
  segmentBytes: 20_000,
  onFull: 'shed',
  fsync: false,
  gatherMs: 10,
});

function turn(n: number): void {
  const predictions = Array.from({ length: 1 + (n % 7) }, (_, i) => aPrediction(`${prefix}-${n}-${i}`));
  log.append(predictions);
  // What the parent reads was said after it had been logged.
  say(predictions.map(({ id }) => `${id}\n`).join(''), () => turn(n + 1));
}

/** To a pipe, at once, and again where the pipe is full. */
function say(text: string, then: () => void): void {
  let rest = text;
  try {
    rest = text.slice(writeSync(1, text));
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAGAIN') throw error;
  }
  setImmediate(rest === '' ? then : () => say(rest, then));
}
turn(0);
