/**
 * Does the drift monitor keep to its dial, and how soon does it find what there is to find? Streams are drawn here, from seeds; the whole monitor is
 * run as its folds run it: counts of inputs told at ticks, joined outcomes, incidents at ticks. `--quick` for a tenth of the streams.
 */
import { parseArgs } from 'node:util';
import { Adwin, binnedRow, Cusum, EDetector, referenceBins } from '../libs/drift/dist/index.js';
import { ModelSpec } from '../libs/contracts/dist/index.js';
import { detect } from '../apps/drift-monitor/dist/detect.js';
import { InputsPartial } from '../apps/drift-monitor/dist/inputs-partial.js';
import { phaseOf } from '../apps/drift-monitor/dist/season.js';
import { periodOf } from '../apps/trainer/dist/reference.js';
import { watchedModel } from './watched-model.mjs';

const STEP = 50;
const TRAINING_ROWS = 2_500;
const HOUR = 3_600_000;
/** A quarter of an hour: 2,500 rows of training hold 26 days. */
const SEASONAL_MS_PER_ROW = 900_000;
const CANDIDATE = { name: 'none', metrics: { loss: 10 }, baseline: {}, onnx: 'a'.repeat(64) };

export async function bench(args) {
  const { values } = parseArgs({ args, options: { quick: { type: 'boolean', default: false } } });
  const streams = values.quick ? 20 : 200;
  delays(streams);
  nulls(streams, 'no season', { falseAlarms: '1 per 10000 rows' });
  nulls(streams, 'a daily season in inputs and errors, declared', {
    falseAlarms: '1 per 10000 rows',
    seasonality: '1d',
  });
  nulls(streams, 'the same season, learned from the training data', {
    falseAlarms: '1 per 10000 rows',
    seasonality: 'learned',
  });
}

function delays(streams) {
  console.log(
    `\nError from 0.2 to 0.5 after 1,000 rows, ${streams} streams; median rows until it is found (nine of ten)`,
  );
  const rate = 1e-5;
  // The slack makes it the likelihood ratio of 0.5 to 0.2; at this threshold 20 million values at 0.2 had one alarm per 95,000.
  const known = { target: 0.2, slack: 0.139, threshold: 6.6, mode: 'up' };
  for (const [name, create] of [
    ['CUSUM that knows both rates', () => new Cusum(known)],
    ['ADWIN, delta 0.002', () => new Adwin({ delta: 0.002, direction: 'up' })],
    ['e-detector, 1 per 100,000 rows', () => new EDetector({ falseAlarms: rate, direction: 'up' })],
  ]) {
    const found = series(streams, (chance) => {
      const detector = create();
      for (let i = 0; i < 1_000; i++) detector.update(chance() < 0.2 ? 1 : 0);
      let rows = 1;
      while (detector.update(chance() < 0.5 ? 1 : 0) !== 'drift' && rows < 5_000) rows += 1;
      return rows;
    });
    print(name, found);
  }
  const [finding, incident] = [[], []];
  series(streams, (chance) => {
    const monitor = new Monitor(20, { falseAlarms: '1 per 100000 rows' }, chance);
    monitor.lives(1_000, { wrong: () => 0.2 });
    const before = monitor.rows;
    for (let rows = 0; rows < 2_000 && monitor.of('IncidentOpened').length === 0; rows += STEP)
      monitor.lives(STEP, { wrong: () => 0.5 });
    const [drift] = monitor.of('DriftDetected').filter(({ kind }) => kind === 'concept');
    finding.push(drift === undefined ? Infinity : Number(drift.at.prediction) + 1 - before);
    incident.push(monitor.rows - before);
    return 0;
  });
  print('the whole monitor, 20 features', finding);
  print(`the same, until its incident (ticks of ${STEP} rows)`, incident);
}

function nulls(streams, name, drift) {
  const rows = 10_000;
  const counts = {};
  series(streams, (chance) => {
    const isSeasonal = drift.seasonality !== undefined;
    const day = (at) => Math.sin((2 * Math.PI * at) / (24 * HOUR));
    const msPerRow = isSeasonal ? SEASONAL_MS_PER_ROW : 1_000;
    const monitor = new Monitor(20, drift, chance, (row) => (isSeasonal ? 0.3 * day(row * msPerRow) : 0), msPerRow);
    monitor.lives(rows, {
      wrong: (at) => (isSeasonal ? 0.2 + 0.1 * day(at) : 0.2),
      shift: (at) => (isSeasonal ? 0.3 * day(at) : 0),
      msPerRow,
    });
    for (const { kind } of monitor.of('IncidentOpened')) counts[kind] = (counts[kind] ?? 0) + 1;
    return 0;
  });
  const incidents = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const allowed = (streams * rows) / 10_000;
  console.log(
    `\n${streams} streams of ${rows} rows with 20 features in which nothing changes, ${name}, at 1 false alarm per 10,000 rows:` +
      `\n  ${incidents} incidents ${JSON.stringify(counts)}, ${(incidents / allowed).toFixed(2)} times the dial (at most 2)`,
  );
}

/** The monitor's folds, fed by hand with a world in which features are normal and the model is wrong at a stated rate. */
class Monitor {
  rows = 0;
  events = [];

  constructor(features, drift, chance, shift = () => 0, msPerRow = 1_000) {
    this.chance = chance;
    const names = Array.from({ length: features }, (_, i) => `v.f${i}`);
    const spec = {
      ...ModelSpec.parse({ kind: 'Model', name: 'm', features: names, label: { name: 'y', type: 'binary' }, drift }),
      inputs: names.map((name) => ({ view: 'v', field: name.slice(2) })),
    };
    this.spec = spec;
    const training = Array.from({ length: TRAINING_ROWS }, (_, row) => names.map(() => this.normal() + shift(row)));
    this.reference = names.map((feature, f) => ({ feature, ...referenceBins(training.map((row) => row[f])) }));
    const rows = training
      .slice(0, 256)
      .map((row) => binnedRow(this.reference, row))
      .join('');
    this.period = spec.drift.seasonality === 'learned' ? learnedPeriod(training, msPerRow) : spec.drift.seasonality;
    const together = { rows, period: this.period };
    for (const event of watchedModel({
      spec,
      reference: this.reference,
      together,
      candidate: CANDIDATE,
      occurredAt: -1,
    }))
      this.watch = detect.handle(this.watch, event, {}).state;
  }

  lives(rows, { wrong, shift = () => 0, msPerRow = 1_000 }) {
    const { period } = this;
    for (let done = 0; done < rows; done += STEP) {
      const partials = new Map();
      const predictions = [];
      for (let i = 0; i < STEP; i++) {
        const occurredAt = (this.at = (this.at ?? 0) + msPerRow);
        const phase = phaseOf(occurredAt, period);
        if (!partials.has(phase)) partials.set(phase, new InputsPartial(1, phase, this.reference, this.spec));
        const predicted = this.predict(occurredAt, shift(occurredAt));
        partials.get(phase).add(predicted);
        predictions.push(predicted);
      }
      for (const predicted of predictions) this.take(this.outcome(predicted, wrong(predicted.occurredAt)));
      const now = this.at;
      this.tell(detect.wake(this.watch, { now }));
      for (const partial of partials.values()) this.take(partial.measured('m', now));
    }
  }

  take(event) {
    this.tell(detect.handle(this.watch, event, {}));
  }

  tell({ state, publish = [] }) {
    this.watch = state ?? this.watch;
    for (const { topic, events } of publish) if (topic.name === 'gyre.lifecycle') this.events.push(...events);
  }

  of(type) {
    return this.events.filter((event) => event.type === type);
  }

  predict(occurredAt, shift) {
    const features = this.reference.map(() => this.normal() + shift);
    const nothing = { request: null, seen: null, fallback: null, rollout: null, shadows: [], entity: null };
    const p = this.chance();
    return { ...nothing, id: String(this.rows++), model: 'm', occurredAt, features, version: 1, output: [1 - p, p] };
  }

  outcome(predicted, wrong) {
    const answer = predicted.output[1] > predicted.output[0] ? 1 : 0;
    const label = this.chance() < wrong ? 1 - answer : answer;
    const { id, occurredAt } = predicted;
    return { kind: 'joined', model: 'm', prediction: id, occurredAt, label, predicted };
  }

  /** Irwin and Hall's: near enough to normal. */
  normal() {
    return 2 * (this.chance() + this.chance() + this.chance() + this.chance() - 2);
  }
}

/** As the trainer does it. */
function learnedPeriod(training, msPerRow) {
  const times = training.map((_, row) => row * msPerRow);
  return periodOf({ times, features: Float32Array.from(training.flat()), width: training[0].length });
}

/** One result per stream, each with a seed of its own. */
function series(streams, one) {
  return Array.from({ length: streams }, (_, seed) => one(random(seed + 1)));
}

function random(seed) {
  let state = Math.imul(seed, 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = ((t + Math.imul(t ^ (t >>> 7), t | 61)) >>> 0) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function print(name, found) {
  const sorted = [...found].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  console.log(`  ${name.padEnd(52)}${String(at(0.5)).padStart(5)} (${at(0.9)})`);
}
