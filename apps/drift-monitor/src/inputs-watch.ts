import type { FeatureReference, ModelInput } from '@gyre/contracts';
import { BinnedWindow, holm, psiTest, QualityCounter, type BinnedWindowState, type QualityCounts } from '@gyre/drift';

export interface InputsFinding {
  kind: 'covariate' | 'quality';
  detector: string;
  /** view.field of the worst. */
  feature: string;
  /** Rows of the window. */
  observations: number;
  before: number | null;
  after: number | null;
  reason: string;
}

export interface InputsWatchState {
  version: number;
  reference: FeatureReference[];
  inputs: ModelInput[];
  size: number;
  rows: number;
  bins: BinnedWindowState[];
  quality: QualityCounts[];
  open: { covariate: boolean; quality: boolean };
}

/** Drift of the inputs is told where it is both no chance (p at most this, over all features of a window together) … */
const P_VALUE_MAX = 0.001;
/** … and large: 0.2 is the customary limit of the index (Siddiqi 2006). */
const PSI_MIN = 0.2;
/** A quality fault is told where this share of a window more than in training is missing, or out of the declared range. */
const FAULTY_SHARE_MIN = 0.05;

/**
 * What one version is fed, window by window, against what it was trained on: data quality first, and apart from it covariate drift.
 * Each is one incident: told when it begins, not again until a window was without it. Neither is a loss; they explain one.
 */
export class InputsWatch {
  private bins: BinnedWindow[];
  private quality: QualityCounter[];
  private rows = 0;
  private open = { covariate: false, quality: false };

  constructor(
    readonly version: number,
    private readonly reference: FeatureReference[],
    private readonly inputs: ModelInput[],
    private readonly size: number,
  ) {
    this.bins = this.newBins();
    this.quality = this.newQuality();
  }

  /** @param features of one answer, in the order of the model's inputs; null is missing */
  observe(features: readonly (number | null)[]): InputsFinding[] {
    if (this.reference.length !== features.length) return [];
    for (let i = 0; i < features.length; i++) {
      this.bins[i]?.add(features[i]);
      this.quality[i]?.add(features[i]);
    }
    this.rows += 1;
    if (this.rows < this.size) return [];
    const findings = [...this.faults(), ...this.shifts()];
    this.bins = this.newBins();
    this.quality = this.newQuality();
    this.rows = 0;
    return findings;
  }

  private faults(): InputsFinding[] {
    const faults = this.quality.flatMap((counter, i) => {
      const { nulls, outOfRange } = counter.state();
      const reference = this.reference[i] as FeatureReference;
      const trained = reference.counts.reduce((sum, count) => sum + count, reference.missing);
      const before = trained === 0 ? 0 : reference.missing / trained;
      return [
        { feature: reference.feature, what: 'missing', before, after: nulls / this.rows },
        { feature: reference.feature, what: 'out of its declared range', before: 0, after: outOfRange / this.rows },
      ];
    });
    const found = faults
      .filter(({ before, after }) => after - before >= FAULTY_SHARE_MIN)
      .sort((a, b) => b.after - b.before - (a.after - a.before));
    const [worst] = found;
    const begins = worst !== undefined && !this.open.quality;
    this.open.quality = worst !== undefined;
    if (!begins) return [];
    const words = found
      .slice(0, 3)
      .map(
        ({ feature, what, before, after }) =>
          `${feature} is ${what} in ${percent(after)} of the answers (${percent(before)} in training)`,
      );
    const { feature, before, after } = worst;
    return [
      {
        kind: 'quality',
        detector: 'share of faults',
        feature,
        before,
        after,
        observations: this.rows,
        reason: `data quality, not drift: ${words.join('; ')}`,
      },
    ];
  }

  /** Of the values that are there: what is missing is a matter of quality, not of drift. */
  private shifts(): InputsFinding[] {
    const tests = this.bins.map((window, i) =>
      shift((this.reference[i] as FeatureReference).counts, window.state().counts),
    );
    const corrected = holm(tests.map(({ pValue }) => pValue));
    const found = tests
      .map(({ psi }, i) => ({
        psi,
        feature: this.reference[i]?.feature ?? '',
        isChance: (corrected[i] as number) > P_VALUE_MAX,
      }))
      .filter(({ psi, isChance }) => psi >= PSI_MIN && !isChance)
      .sort((a, b) => b.psi - a.psi);
    const [worst] = found;
    const begins = worst !== undefined && !this.open.covariate;
    this.open.covariate = worst !== undefined;
    if (!begins) return [];
    const words = found.slice(0, 3).map(({ feature, psi }) => `${feature} (PSI ${psi.toFixed(2)})`);
    const reason = `inputs of version ${this.version} have moved away from its training data: ${words.join(', ')}`;
    return [
      {
        kind: 'covariate',
        detector: 'psi',
        feature: worst.feature,
        before: null,
        after: worst.psi,
        observations: this.rows,
        reason,
      },
    ];
  }

  private newBins(): BinnedWindow[] {
    return this.reference.map((one) => new BinnedWindow(one));
  }
  private newQuality(): QualityCounter[] {
    return this.reference.map((_, i) => {
      const { min, max } = this.inputs[i] ?? {};
      return new QualityCounter({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) });
    });
  }

  state(): InputsWatchState {
    const { version, reference, inputs, size, rows, open } = this;
    const bins = this.bins.map((window) => window.state());
    return {
      version,
      reference,
      inputs,
      size,
      rows,
      bins,
      quality: this.quality.map((counter) => counter.state()),
      open: { ...open },
    };
  }

  static restored(state: InputsWatchState): InputsWatch {
    const watch = new InputsWatch(state.version, state.reference, state.inputs, state.size);
    watch.rows = state.rows;
    watch.open = { ...state.open };
    state.bins.forEach((saved, i) => watch.bins[i]?.restore(saved));
    state.quality.forEach((saved, i) => watch.quality[i]?.restore(saved));
    return watch;
  }
}

/** A side without values says nothing about a shift. */
function shift(reference: readonly number[], window: readonly number[]): { psi: number; pValue: number } {
  const isEmpty = (counts: readonly number[]) => counts.every((count) => count === 0);
  return isEmpty(reference) || isEmpty(window) ? { psi: 0, pValue: 1 } : psiTest(reference, window);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
