import type { FeatureReference, InputsMeasured, ModelInForce, Predicted } from '@gyre/contracts';
import { BinnedWindow, QualityCounter, type BinnedWindowState, type QualityCounts } from '@gyre/drift';
import { outputBin, type OutputCounts } from './output-bins.js';

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
}

/** What one version was fed and answered in one partition since it was last told. */
export class InputsPartial {
  rows = 0;
  from = 0;
  private to = 0;
  private prediction = '';
  private request: string | null = null;
  private outputs: OutputCounts = {};
  private readonly bins: BinnedWindow[];
  private readonly quality: QualityCounter[];

  /** @param reference empty where the version came without one; then only answers are counted */
  constructor(
    readonly version: number,
    readonly phase: number,
    reference: readonly FeatureReference[],
    inputs: ModelInForce['inputs'],
  ) {
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
    for (let i = 0; i < this.bins.length; i++) {
      this.bins[i]!.add(features[i]);
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
    return { model, version, phase, rows, from, to, toldAt, prediction, request, features, outputs };
  }

  state(): InputsPartialState {
    const { version, phase, rows, from, to, prediction, request, outputs } = this;
    const bins = this.bins.map((one) => one.state());
    const quality = this.quality.map((one) => one.state());
    return { version, phase, rows, from, to, prediction, request, bins, quality, outputs: { ...outputs } };
  }

  restore(state: InputsPartialState): void {
    const { rows, from, to, prediction, request, outputs } = state;
    Object.assign(this, { rows, from, to, prediction, request, outputs: { ...outputs } });
    state.bins.forEach((saved, i) => this.bins[i]?.restore(saved));
    state.quality.forEach((saved, i) => this.quality[i]?.restore(saved));
  }
}
