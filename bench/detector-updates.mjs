/**
 * Updates a second of one detector, by the processor's time, in a process of its own so that no other detector's shape slows it down.
 * Arguments: its name, a file of the characters 0 and 1, and `monitor` to have the drift monitor around it. Prints the rate.
 */
import { readFileSync } from 'node:fs';
import { createDetector } from '../libs/drift/dist/index.js';

const [name, file, around] = process.argv.slice(2);
const BATCH = 500;
/** Passes over the values until so much of the processor's time is spent. */
const SECONDS = 0.4;

const values = Float64Array.from(readFileSync(file, 'latin1'), Number);
if (name === 'fhddm') for (let i = 0; i < values.length; i += 1) values[i] = 1 - values[i];
const options = name === 'cusum' ? { target: 0.2 } : {};
let detector = createDetector(name, options);

function pass(count) {
  for (let i = 0; i < count; i += 1) detector.update(values[i]);
}

/** The same within the monitor: each value is the error of an outcome that the monitor folds, and the states of both go through JSON per batch. */
async function monitored() {
  const { MonitorFold } = await import('./monitor-fold.mjs');
  const monitor = new MonitorFold(10, values.length, (i) => values[i]);
  return (count) => {
    for (let from = 0; from < count; from += BATCH) {
      monitor.fold(from, Math.min(count, from + BATCH));
      for (let i = from; i < Math.min(count, from + BATCH); i += 1) detector.update(values[i]);
      const saved = JSON.stringify(detector.state());
      detector = createDetector(name, options);
      detector.restore(JSON.parse(saved));
    }
  };
}

const run = around === 'monitor' ? await monitored() : pass;
const count = around === 'monitor' ? Math.min(values.length, 20_000) : name === 'kswin' ? 20_000 : values.length;
run(count);
let updates = 0;
const begun = process.cpuUsage();
let spent = 0;
while (spent < SECONDS) {
  run(count);
  updates += count;
  const { user, system } = process.cpuUsage(begun);
  spent = (user + system) / 1e6;
}
console.log(updates / spent);
