import type { FeatureReference, InputsMeasured, ModelInForce, Predicted } from '@gyre/contracts';
import { binCharacter, BinnedWindow, QualityCounter, type BinnedWindowState, type QualityCounts } from '@gyre/drift';
import { outputBin, type OutputCounts } from './output-bins.js';
import { TOGETHER_ROWS_MAX } from './together.js';

export interface InputsPartialState {
  version: number;
  phase: number;
  rows: number;
  from: number;
  to: number;
  prediction: string;
  request: string | null;
  bins: BinnedWindowState[];
  quality: QualityCounts[];
  outputs: OutputCounts;
  sample: string;
}

/** What one version was fed and answered in one partition since it was last told. */
export class InputsPartial {
  rows = 0;
  from = 0;
  private to = 0;
  private prediction = '';
  private request: string | null = null;
  private outputs: OutputCounts = {};
  private sample = '';
  /** One row of so many is kept. */
  private readonly every: number;
  private readonly bins: BinnedWindow[];
  private readonly quality: QualityCounter[];

  /** @param reference empty where the version came without one; then only answers are counted */
  constructor(
    readonly version: number,
    readonly phase: number,
    reference: readonly FeatureReference[],
    { inputs, drift }: Pick<ModelInForce, 'inputs' | 'drift'>,
  ) {
    this.every = Math.ceil(drift.windowOutcomes / TOGETHER_ROWS_MAX);
    this.bins = reference.map((one) => new BinnedWindow(one));
    this.quality = reference.map((_, i) => {
      const { min, max } = inputs[i] ?? {};
      return new QualityCounter({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) });
    });
  }

  add({ id, request, occurredAt, features, output }: Predicted): void {
    if (this.rows === 0) this.from = occurredAt;
    this.rows += 1;
    this.to = occurredAt;
    this.prediction = id;
    this.request = request;
    const isKept = this.every === 1 || hashOf(id) % this.every === 0;
    for (let i = 0; i < this.bins.length; i++) {
      const bin = this.bins[i]!.add(features[i]);
      if (isKept) this.sample += binCharacter(bin);
      this.quality[i]!.add(features[i]);
    }
    const bin = outputBin(output);
    this.outputs[bin] = (this.outputs[bin] ?? 0) + 1;
  }

  measured(model: string, toldAt: number): InputsMeasured {
    const { version, phase, rows, from, to, prediction, request } = this;
    const features = this.bins.map((window, i) => ({
      ...window.state(),
      outOfRange: this.quality[i]!.state().outOfRange,
    }));
    const outputs = { ...this.outputs };
    const counted = { features, outputs, sample: this.sample };
    return { model, version, phase, rows, from, to, toldAt, prediction, request, ...counted };
  }

  state(): InputsPartialState {
    const { version, phase, rows, from, to, prediction, request, outputs, sample } = this;
    const bins = this.bins.map((one) => one.state());
    const quality = this.quality.map((one) => one.state());
    return { version, phase, rows, from, to, prediction, request, bins, quality, outputs: { ...outputs }, sample };
  }

  restore(state: InputsPartialState): void {
    const { rows, from, to, prediction, request, outputs, sample } = state;
    Object.assign(this, { rows, from, to, prediction, request, outputs: { ...outputs }, sample });
    state.bins.forEach((saved, i) => this.bins[i]?.restore(saved));
    state.quality.forEach((saved, i) => this.quality[i]?.restore(saved));
  }
}

/** FNV-1a of the id: which rows are kept does not depend on how they are cut into partitions and ticks. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  // The lowest bits alone are too alike for ids that differ by their last digit.
  return (hash ^ (hash >>> 15)) >>> 0;
}
