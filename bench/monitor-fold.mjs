/**
 * The whole drift monitor as its folds run: predictions' inputs counted, joined outcomes in, a tick, lifecycle events out; its states through JSON once per
 * batch.
 */
import { ModelSpec } from '../libs/contracts/dist/index.js';
import { binnedRow, referenceBins } from '../libs/drift/dist/index.js';
import { detect } from '../apps/drift-monitor/dist/detect.js';
import { InputsPartial } from '../apps/drift-monitor/dist/inputs-partial.js';
import { phaseOf } from '../apps/drift-monitor/dist/season.js';
import { watchedModel } from './watched-model.mjs';

export class MonitorFold {
  /** Lifecycle and performance events that came out. */
  events = 0;

  /**
   * @param {number} width features of the model, drawn once and never drifting
   * @param {number} rows outcomes there are
   * @param {(row: number) => number} wrong 1 where the model's answer is wrong
   */
  constructor(width, rows, wrong) {
    const draw = random(1);
    const names = Array.from({ length: width }, (_, i) => `f${i}`);
    const spec = {
      ...ModelSpec.parse({ kind: 'Model', name: 'm', features: ['v.*'], label: { name: 'y', type: 'binary' } }),
      inputs: names.map((field) => ({ view: 'v', field })),
    };
    const reference = names.map((name) => {
      const { edges, counts, missing } = referenceBins(Array.from({ length: 2_000 }, draw));
      return { feature: `v.${name}`, edges, counts, missing };
    });
    const candidate = { name: 'trees', metrics: { loss: 0.6 }, baseline: {}, onnx: 'a'.repeat(64) };
    this.outcomes = Array.from({ length: rows }, (_, i) => {
      const label = i % 2;
      const sure = wrong(i) === 1 ? 1 - label : label;
      const predicted = {
        id: `p${i}`,
        model: 'm',
        occurredAt: i * 1_000,
        request: `row-${i}`,
        version: 1,
        seen: null,
        fallback: null,
        rollout: null,
        shadows: [],
        entity: null,
        features: names.map(draw),
        output: sure === 1 ? [0.3, 0.7] : [0.7, 0.3],
      };
      return { kind: 'joined', model: 'm', prediction: `p${i}`, occurredAt: i * 1_000, label, predicted };
    });
    this.spec = spec;
    this.reference = reference;
    let watch;
    const trained = Array.from({ length: 256 }, () => binnedRow(reference, names.map(draw))).join('');
    const together = { rows: trained, period: null };
    for (const event of watchedModel({ spec, reference, together, candidate, occurredAt: 0 }))
      watch = detect.handle(watch, event, {}).state;
    this.json = JSON.stringify(detect.codec.save(watch));
  }

  /** Folds the outcomes of a batch, from its state as JSON to its state as JSON. */
  fold(from, to) {
    let watch = detect.codec.load(JSON.parse(this.json));
    const take = ({ state, publish = [] }) => {
      watch = state ?? watch;
      for (const { events } of publish) this.events += events.length;
    };
    const now = this.outcomes[to - 1].occurredAt;
    const inputs = new InputsPartial(1, phaseOf(now, this.spec.drift.seasonality), this.reference, this.spec);
    for (let i = from; i < to; i += 1) {
      inputs.add(this.outcomes[i].predicted);
      take(detect.handle(watch, this.outcomes[i], {}));
    }
    take(detect.handle(watch, JSON.parse(JSON.stringify(inputs.measured('m', now))), {}));
    take(detect.wake(watch, { now }));
    this.json = JSON.stringify(detect.codec.save(watch));
  }
}

/** Uniform numbers that are always the same. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
