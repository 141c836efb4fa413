/**
 * Speeds of the drift library beside those of the reference libraries in Python, in alternating rounds on the same machine: detectors beside River,
 * `gyre drift compare` beside Evidently; and the whole drift monitor. Medians of the rounds, with the smallest and largest.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleSize } from './bundle-size.mjs';
import { MonitorFold, random } from './monitor-fold.mjs';
import { pythonWith } from './python-packages.mjs';
import { detectors } from '../libs/drift/dist/index.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const VALUES = 200_000;
const OUTCOMES = 30_000;
const BATCH = 500;
const TARGETS = { adwin: 1, others: 5, monitor: 50_000, compare: 10 };

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: 'size,detectors,monitor,compare' },
    },
  });
  const rounds = Number(values.rounds);
  const only = values.only.split(',');
  const folder = mkdtempSync(join(tmpdir(), 'gyre-bench-'));
  try {
    if (only.includes('size')) await sizes();
    if (only.includes('detectors')) detectorRates(folder, rounds);
    if (only.includes('monitor')) monitorRate(rounds);
    if (only.includes('compare')) compareTimes(folder, rounds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sizes() {
  console.log('\nSize of the library, minified, and gzipped');
  for (const what of ['*', '{ Adwin }', '{ Cbpe }']) {
    const { minified, gzipped } = await bundleSize(what);
    console.log(`  ${what.padEnd(12)}${short(minified)}B, ${short(gzipped)}B`);
  }
}

function detectorRates(folder, rounds) {
  const draw = random(7);
  const bits = join(folder, 'bits');
  writeFileSync(bits, Array.from({ length: VALUES }, () => (draw() < 0.2 ? '1' : '0')).join(''));
  const python = pythonWith('river-0.26.1', ['river==0.26.1']);
  const names = Object.keys(detectors);
  const rates = { alone: {}, monitored: {}, river: {} };
  const take = (kind, name, rate) => (rates[kind][name] ??= []).push(rate);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      take('alone', name, Number(output(process.execPath, [at('./detector-updates.mjs'), name, bits])));
      take('monitored', name, Number(output(process.execPath, [at('./detector-updates.mjs'), name, bits, 'monitor'])));
    }
    if (python === undefined) continue;
    const river = JSON.parse(output(python, [at('./river-updates.py'), bits]));
    for (const [name, rate] of Object.entries(river)) take('river', name, rate);
  }
  console.log(
    `\nDetectors: updates per second of one core, on errors at a rate of 0.2; ${rounds} rounds, median (smallest to largest)\n`,
  );
  console.log(
    `${'detector'.padEnd(14)}${'alone'.padEnd(30)}${'in the monitor'.padEnd(30)}${'River 0.26.1'.padEnd(30)}ratio to River`,
  );
  for (const name of names) {
    const river = rates.river[name];
    const ratio = river && median(rates.alone[name]) / median(river);
    const target = name === 'adwin' ? TARGETS.adwin : TARGETS.others;
    const cells = [rates.alone[name], rates.monitored[name], river].map((one) => (one ? spread(one) : '-').padEnd(30));
    console.log(`${name.padEnd(14)}${cells.join('')}${ratio ? `${ratio.toFixed(1)} ${judged(ratio, target)}` : '-'}`);
  }
  console.log(
    '\n"in the monitor": the whole monitor counts each prediction and folds its outcome, and this detector takes its error; states go through JSON per 500.',
  );
}

function monitorRate(rounds) {
  const draw = random(3);
  const monitor = new MonitorFold(10, OUTCOMES, () => (draw() < 0.2 ? 1 : 0));
  const rates = [];
  for (let round = 0; round <= rounds; round += 1) {
    const began = process.cpuUsage();
    for (let from = 0; from < OUTCOMES; from += BATCH) monitor.fold(from, from + BATCH);
    const { user, system } = process.cpuUsage(began);
    if (round > 0) rates.push((OUTCOMES / (user + system)) * 1e6);
  }
  console.log(
    `\nThe whole monitor, 10 features, states through JSON once per ${BATCH}: outcomes per second of one core\n` +
      `  ${spread(rates)} ${judged(median(rates), TARGETS.monitor)}; a state of ${monitor.json.length} bytes, ${monitor.events} events out`,
  );
}

function compareTimes(folder, rounds) {
  const [reference, current] = ['reference.csv', 'current.csv'].map((name) => join(folder, name));
  writeFileSync(reference, table(100_000, random(1), 0));
  writeFileSync(current, table(100_000, random(2), 0.3));
  const python = pythonWith('evidently-0.7.23', ['evidently==0.7.23', 'pandas==2.3.3']);
  const seconds = { gyre: [], evidently: [], report: [] };
  for (let round = 0; round < rounds; round += 1) {
    const launcher = [
      at('../apps/gyre/bin/gyre.mjs'),
      'drift',
      'compare',
      '--reference',
      reference,
      '--current',
      current,
    ];
    seconds.gyre.push(timed(() => output(process.execPath, [...launcher, '--json'])).seconds);
    if (python === undefined) continue;
    const evidently = timed(() => output(python, [at('./evidently-compare.py'), reference, current]));
    seconds.evidently.push(evidently.seconds);
    seconds.report.push(Number(evidently.result));
  }
  console.log(
    '\nTwo CSV files of 10 columns and 100,000 rows: seconds by the clock, from the start of the process to its end',
  );
  console.log(`  gyre drift compare                    ${spread(seconds.gyre)}`);
  if (python === undefined) return;
  console.log(`  Evidently 0.7.23, DataDriftPreset     ${spread(seconds.evidently)}`);
  console.log(`    its report alone, without the files ${spread(seconds.report)}`);
  const ratio = median(seconds.evidently) / median(seconds.gyre);
  const alone = median(seconds.report) / median(seconds.gyre);
  console.log(`  ratio ${ratio.toFixed(1)} ${judged(ratio, TARGETS.compare)}; to its report alone ${alone.toFixed(1)}`);
}

/** Ten columns of numbers with all their digits; some move by `shift`. */
function table(rows, draw, shift) {
  const names = Array.from({ length: 10 }, (_, i) => `x${i}`);
  const lines = [names.join(',')];
  for (let row = 0; row < rows; row += 1)
    lines.push(
      names.map((_, i) => (i % 2 === 0 ? normal(draw) + (i % 4 === 0 ? shift : 0) : -Math.log(1 - draw()))).join(','),
    );
  return `${lines.join('\n')}\n`;
}

function normal(draw) {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

function output(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${error?.message ?? stderr}`);
  return stdout.trim();
}

function timed(work) {
  const began = performance.now();
  const result = work();
  return { result, seconds: (performance.now() - began) / 1_000 };
}

function judged(value, target) {
  return `(at least ${target.toLocaleString('en-US')}: ${value >= target ? 'met' : 'MISSED'})`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function spread(values) {
  return `${short(median(values))} (${short(Math.min(...values))} to ${short(Math.max(...values))})`;
}

function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  return value >= 1_000 ? `${(value / 1_000).toPrecision(3)} k` : value.toPrecision(3);
}
