import type { Cause, FeatureReference, InputsMeasured } from '@gyre/contracts';
import { ShareRise } from '@gyre/drift';
import { percent, type Verdict } from './findings.js';
import { movedFeatures } from './input-shift.js';
import { InputsWindow, type InputsWindowState } from './inputs-window.js';
import { outputShift, rowsOf } from './output-bins.js';
import { phasesOf } from './season.js';
import { togetherShift, TOGETHER_ROWS_MAX } from './together.js';

export type InputsKind = 'quality' | 'covariate' | 'prediction';

export interface InputsDial {
  /** False alarms per row that each watch may raise. */
  quality: number;
  covariate: number;
  /** How the inputs hang together. */
  together: number;
  prediction: number;
}

export interface InputsWatchState {
  version: number;
  /** What it has been compared with: features in the order of their counts, and the season, ms. */
  features: string[];
  period: number | null;
  /** By phase of the season: the window that is being filled, and what the phase looked like before. */
  windows: InputsWindowState[];
  past: InputsWindowState[];
  /** The rows that were told last. */
  newest: InputsWindowState;
  /** Rows of the window that is being filled, as `binnedRow` writes them. */
  rows: string;
  /** By feature: the evidence that more is missing, and that more is out of range, than in training. */
  rises: number[][];
  faulty: boolean[];
  open: Record<InputsKind, boolean>;
}

/** A shift of the answers is told where it is no chance, and large: 0.2 is the customary limit of the index (Siddiqi 2006). */
const PSI_MIN = 0.2;
/** More missing, or out of range, than in training by this share is no fault yet. */
const FAULT_TOLERATED = 0.02;
const CAUSES_MAX = 5;

/**
 * What one version is fed and answers, against what it was trained on: data quality, and apart from it drift of the inputs and of the answers.
 * Quality is watched sequentially, with every batch of counts; shifts window by window. With a season a window is
 * compared with what the same phase of earlier periods looked like; the first period is learned.
 *
 * The counts of partitions and ticks add up: however the rows were cut, a window with the same rows gives the same verdicts.
 */
export class InputsWatch {
  private windows: InputsWindow[];
  private past: InputsWindow[];
  private newest: InputsWindow;
  private rows = '';
  private rises: ShareRise[];
  private faulty: boolean[];
  private open: Record<InputsKind, boolean> = { quality: false, covariate: false, prediction: false };

  /**
   * @param reference empty where the version came without one
   * @param trained rows of its training, as `binnedRow` writes them; empty where there are none
   * @param period of the season, ms
   */
  constructor(
    readonly version: number,
    private readonly reference: FeatureReference[],
    private readonly trained: string,
    private readonly size: number,
    private dial: InputsDial,
    private readonly period: number | null,
  ) {
    const all = () => Array.from({ length: phasesOf(period) }, () => this.empty());
    this.windows = all();
    this.past = all();
    this.newest = this.empty();
    this.rises = reference.flatMap((one) => [riseOf(missingIn(one)), riseOf(0)]);
    this.faulty = this.rises.map(() => false);
  }

  tune(dial: InputsDial): void {
    this.dial = dial;
  }

  observe(measured: InputsMeasured): Verdict[] {
    if (measured.features.length !== this.reference.length) return [];
    const window = this.windows[measured.phase];
    const past = this.past[measured.phase];
    if (window === undefined || past === undefined) return [];
    window.add(measured);
    this.newest = this.empty();
    this.newest.add(measured);
    this.rows = (this.rows + (measured.sample ?? '')).slice(0, TOGETHER_ROWS_MAX * this.reference.length);
    const begun = this.faultsBegin(measured, window);
    if (window.rows < this.size) return begun;
    const verdicts = [...begun, ...this.faultsEnd(window), ...this.shifts(window, past), ...this.answers(window, past)];
    const { covariate, prediction } = this.open;
    const isLearned = this.period !== null && !covariate && !prediction;
    // Of the answers nothing is known from training: the first window says how they are.
    if (isLearned || rowsOf(past.outputs) < this.size) past.merge(window);
    this.windows[measured.phase] = this.empty();
    this.rows = '';
    return verdicts;
  }

  private faultsBegin({ rows, features }: InputsMeasured, window: InputsWindow): Verdict[] {
    let begins = false;
    const limit = this.rises.length / this.dial.quality;
    features.forEach(({ missing, outOfRange }, f) => {
      [missing, outOfRange].forEach((hits, which) => {
        const i = 2 * f + which;
        const evidence = this.rises[i]!.add(hits, rows);
        if (this.faulty[i] || evidence < limit) return;
        this.faulty[i] = true;
        begins = true;
      });
    });
    return begins ? [this.quality(window)] : [];
  }

  /** A fault is over when a window was without it. */
  private faultsEnd(window: InputsWindow): Verdict[] {
    if (!this.faulty.includes(true)) return [];
    this.faulty = this.faulty.map((isFaulty, i) => isFaulty && shareOf(window, i) > this.usual(i) + FAULT_TOLERATED);
    this.rises = this.rises.map((rise, i) => (this.faulty[i] ? rise : riseOf(this.usual(i))));
    return [this.quality(window)];
  }

  private quality(window: InputsWindow): Verdict {
    return this.verdict('quality', 'e-detector', this.faults(window), window);
  }

  private faults(window: InputsWindow): Cause[] {
    return this.faulty
      .flatMap((isFaulty, i) => {
        if (!isFaulty) return [];
        const name = this.reference[i >> 1]!.feature;
        const [before, after] = [this.usual(i), this.shareNow(window, i)];
        const what = i % 2 === 0 ? 'missing' : 'out of its declared range';
        const words = `${name} is ${what} in ${percent(after)} of the rows (${percent(before)} in training)`;
        return [{ kind: 'feature' as const, name, words, before, after }];
      })
      .sort((a, b) => b.after - b.before - (a.after - a.before));
  }

  /** The share where it is plainest: in the window, or among the newest rows of it. */
  private shareNow(window: InputsWindow, i: number): number {
    return Math.max(shareOf(window, i), shareOf(this.newest, i));
  }

  /** The share in training. */
  private usual(i: number): number {
    return i % 2 === 0 ? missingIn(this.reference[i >> 1]!) : 0;
  }

  private shifts(window: InputsWindow, past: InputsWindow): Verdict[] {
    if (this.period !== null && past.rows < this.size) return [];
    const before = this.period === null ? this.reference.map(({ counts }) => counts) : past.counts;
    const moved = movedFeatures(this.reference, before, window.counts, this.dial.covariate * window.rows);
    // Inputs that moved by themselves hang together otherwise too; with a season the training rows are of all phases at once.
    if (moved.length > 0 || this.period !== null) return [this.verdict('covariate', 'psi', moved, window)];
    const isSound = (f: number) => !this.faulty[2 * f] && !this.faulty[2 * f + 1];
    const pMax = this.dial.together * window.rows;
    const together = togetherShift(this.reference, isSound, this.trained, this.rows, pMax);
    return [this.verdict('covariate', 'together', together, window)];
  }

  private answers(window: InputsWindow, past: InputsWindow): Verdict[] {
    if (rowsOf(past.outputs) < this.size) return [];
    const { psi, pValue } = outputShift(past.outputs, window.outputs);
    const isShift = psi >= PSI_MIN && pValue <= this.dial.prediction * window.rows;
    const words = `the answers of version ${this.version} moved away from its first ones (PSI ${psi.toFixed(2)})`;
    const cause = { kind: 'answers' as const, name: '', words, before: null, after: psi };
    return [this.verdict('prediction', 'psi', isShift ? [cause] : [], window)];
  }

  private verdict(kind: InputsKind, detector: string, causes: Cause[], window: InputsWindow): Verdict {
    const begins = causes.length > 0 && !this.open[kind];
    this.open[kind] = causes.length > 0;
    const rows = { observations: window.rows, outputs: { ...window.outputs } };
    return { kind, version: this.version, detector, begins, causes: causes.slice(0, CAUSES_MAX), ...rows };
  }

  private empty(): InputsWindow {
    return new InputsWindow(this.reference.map(({ counts }) => counts.length));
  }

  state(): InputsWatchState {
    const { version, period, faulty, open, rows } = this;
    return {
      version,
      features: this.features(),
      period,
      faulty: [...faulty],
      open: { ...open },
      rows,
      windows: this.windows.map((one) => one.state()),
      past: this.past.map((one) => one.state()),
      newest: this.newest.state(),
      rises: this.rises.map((rise) => rise.state()),
    };
  }

  restore(state: InputsWatchState): void {
    const isOfOthers = state.features.join() !== this.features().join();
    // What was counted in the bins of other features says nothing of these.
    if (isOfOthers) return;
    state.rises.forEach((saved, i) => this.rises[i]!.restore(saved));
    this.faulty = [...state.faulty];
    this.newest.restore(state.newest);
    this.open.quality = state.open.quality;
    // With another season than before, the windows begin afresh.
    if (state.period !== this.period) return;
    state.windows.forEach((saved, i) => this.windows[i]!.restore(saved));
    state.past.forEach((saved, i) => this.past[i]!.restore(saved));
    this.open = { ...state.open };
    this.rows = state.rows;
  }

  private features(): string[] {
    return this.reference.map(({ feature }) => feature);
  }
}

function missingIn({ counts, missing }: FeatureReference): number {
  const rows = counts.reduce((sum, count) => sum + count, missing);
  return rows === 0 ? 0 : missing / rows;
}

function riseOf(trained: number): ShareRise {
  return new ShareRise(Math.min(0.99, trained + FAULT_TOLERATED));
}

/** @param i 2f for what is missing of feature f, 2f + 1 for what is out of range */
function shareOf(window: InputsWindow, i: number): number {
  if (window.rows === 0) return 0;
  return (i % 2 === 0 ? window.missing : window.outOfRange)[i >> 1]! / window.rows;
}
