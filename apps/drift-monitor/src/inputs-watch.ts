import type { Cause, FeatureReference, InputsMeasured } from '@gyre/contracts';
import { holm, psiTest, ShareRise } from '@gyre/drift';
import { percent, type Verdict } from './findings.js';
import { InputsWindow, type InputsWindowState } from './inputs-window.js';
import { outputShift, rowsOf } from './output-bins.js';
import { phasesOf } from './season.js';

export type InputsKind = 'quality' | 'covariate' | 'prediction';

export interface InputsDial {
  /** False alarms per row that each watch may raise. */
  quality: number;
  covariate: number;
  prediction: number;
}

export interface InputsWatchState {
  version: number;
  reference: FeatureReference[];
  /** By phase of the season: the window that is being filled, and what the phase looked like before. */
  windows: InputsWindowState[];
  past: InputsWindowState[];
  /** The newest rows, by the time at which they were told, oldest first. */
  recent: { toldAt: number; window: InputsWindowState }[];
  /** By feature: the evidence that more is missing, and that more is out of range, than in training. */
  rises: number[][];
  faulty: boolean[];
  open: Record<InputsKind, boolean>;
}

/** A shift is told where it is no chance, over all features of a window together, and large: 0.2 is the customary limit of the index (Siddiqi 2006). */
const PSI_MIN = 0.2;
/** More missing, or out of range, than in training by this share is no fault yet. */
const FAULT_TOLERATED = 0.02;
/** So many of the newest rows say whether something looks different now. */
const RECENT_ROWS = 100;
/** What the newest rows look like is asked only when the error has alarmed; then any shift that is no chance is of interest. */
const SUSPECT_P_MAX = 0.01;
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
  private recent: { toldAt: number; window: InputsWindow }[] = [];
  private rises: ShareRise[];
  private faulty: boolean[];
  private open: Record<InputsKind, boolean> = { quality: false, covariate: false, prediction: false };

  /** @param reference empty where the version came without one @param period of the season, ms */
  constructor(
    readonly version: number,
    private readonly reference: FeatureReference[],
    private readonly size: number,
    private dial: InputsDial,
    private readonly period: number | null,
  ) {
    const all = () => Array.from({ length: phasesOf(period) }, () => this.empty());
    this.windows = all();
    this.past = all();
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
    this.remember(measured);
    const begun = this.faultsBegin(measured, window);
    if (window.rows < this.size) return begun;
    const verdicts = [...begun, ...this.faultsEnd(window), ...this.shifts(window, past), ...this.answers(window, past)];
    const { covariate, prediction } = this.open;
    const isLearned = this.period !== null && !covariate && !prediction;
    // Of the answers nothing is known from training: the first window says how they are.
    if (isLearned || rowsOf(past.outputs) < this.size) past.merge(window);
    this.windows[measured.phase] = this.empty();
    return verdicts;
  }

  private remember(measured: InputsMeasured): void {
    const { toldAt } = measured;
    let newest = this.recent.at(-1);
    if (newest?.toldAt !== toldAt) this.recent.push((newest = { toldAt, window: this.empty() }));
    newest.window.add(measured);
    // Without the newest part too there are enough: a decision may be about the time before it.
    while (this.recent.slice(1, -1).reduce((rows, { window }) => rows + window.rows, 0) >= RECENT_ROWS)
      this.recent.shift();
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
    this.faulty = this.faulty.map((isFaulty, i) => isFaulty && shareOf(window, i) > this.trained(i) + FAULT_TOLERATED);
    this.rises = this.rises.map((rise, i) => (this.faulty[i] ? rise : riseOf(this.trained(i))));
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
        const [before, after] = [this.trained(i), this.shareNow(window, i)];
        const what = i % 2 === 0 ? 'missing' : 'out of its declared range';
        const words = `${name} is ${what} in ${percent(after)} of the rows (${percent(before)} in training)`;
        return [{ kind: 'feature' as const, name, words, before, after }];
      })
      .sort((a, b) => b.after - b.before - (a.after - a.before));
  }

  /** The share where it is plainest: in the window, or among the newest rows of it. */
  private shareNow(window: InputsWindow, i: number): number {
    const newest = this.recent.at(-1);
    return Math.max(shareOf(window, i), newest === undefined ? 0 : shareOf(newest.window, i));
  }

  private trained(i: number): number {
    return i % 2 === 0 ? missingIn(this.reference[i >> 1]!) : 0;
  }

  private shifts(window: InputsWindow, past: InputsWindow): Verdict[] {
    if (this.period !== null && past.rows < this.size) return [];
    const causes = this.moved(window, past, this.dial.covariate * window.rows);
    return [this.verdict('covariate', 'psi', causes, window)];
  }

  /** Of the values that are there: what is missing is a matter of quality, not of drift. */
  private moved(window: InputsWindow, past: InputsWindow, pMax: number, psiMin = PSI_MIN): Cause[] {
    const before = this.reference.map(({ counts }, i) => (this.period === null ? counts : past.counts[i]!));
    const tests = before.map((counts, i) => shift(counts, window.counts[i]!));
    const corrected = holm(tests.map(({ pValue }) => pValue));
    return tests
      .map(({ psi }, i) => ({ psi, i }))
      .filter(({ psi, i }) => psi >= psiMin && corrected[i]! <= pMax)
      .sort((a, b) => b.psi - a.psi)
      .slice(0, CAUSES_MAX)
      .map(({ psi, i }) => this.cause(i, psi, before[i]!, window.counts[i]!));
  }

  /** The shift in words, by the bin that has gained or lost most. */
  private cause(i: number, psi: number, reference: readonly number[], window: readonly number[]): Cause {
    const { feature, edges } = this.reference[i]!;
    const [was, is] = [sharesOf(reference), sharesOf(window)];
    let most = 0;
    for (let bin = 1; bin < was.length; bin++)
      if (Math.abs(is[bin]! - was[bin]!) > Math.abs(is[most]! - was[most]!)) most = bin;
    const [before, after] = [was[most]!, is[most]!];
    const words = `${feature} moved (PSI ${psi.toFixed(2)}): values ${rangeOf(edges, most)} went from ${percent(before)} to ${percent(after)}`;
    return { kind: 'feature', name: feature, words, before, after };
  }

  private answers(window: InputsWindow, past: InputsWindow): Verdict[] {
    if (rowsOf(past.outputs) < this.size) return [];
    const { psi, pValue } = outputShift(past.outputs, window.outputs);
    const isShift = psi >= PSI_MIN && pValue <= this.dial.prediction * window.rows;
    const words = `the answers of version ${this.version} moved away from its first ones (PSI ${psi.toFixed(2)})`;
    const cause = { kind: 'answers' as const, name: '', words, before: null, after: psi };
    return [this.verdict('prediction', 'psi', isShift ? [cause] : [], window)];
  }

  /** Shifts that the newest rows told before `now` show, and that could explain an error that has just risen. */
  suspects(now: number): Cause[] {
    if (this.period !== null) return [];
    const newest = this.empty();
    for (const { window } of this.recent.filter(({ toldAt }) => toldAt < now).toReversed())
      if (newest.rows < RECENT_ROWS) newest.merge(window);
    return newest.rows === 0 ? [] : this.moved(newest, newest, SUSPECT_P_MAX, 0);
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
    const { version, reference, faulty, open } = this;
    return {
      ...{ version, reference, faulty: [...faulty], open: { ...open } },
      windows: this.windows.map((one) => one.state()),
      past: this.past.map((one) => one.state()),
      recent: this.recent.map(({ toldAt, window }) => ({ toldAt, window: window.state() })),
      rises: this.rises.map((rise) => rise.state()),
    };
  }

  restore(state: InputsWatchState): void {
    // With another season than before, the windows begin afresh.
    if (state.windows.length === this.windows.length) {
      state.windows.forEach((saved, i) => this.windows[i]!.restore(saved));
      state.past.forEach((saved, i) => this.past[i]!.restore(saved));
      this.open = { ...state.open };
    }
    this.recent = state.recent.map(({ toldAt, window: saved }) => {
      const window = this.empty();
      window.restore(saved);
      return { toldAt, window };
    });
    state.rises.forEach((saved, i) => this.rises[i]!.restore(saved));
    this.faulty = [...state.faulty];
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

/** A side without values says nothing about a shift. */
function shift(reference: readonly number[], window: readonly number[]): { psi: number; pValue: number } {
  const isEmpty = (counts: readonly number[]) => counts.every((count) => count === 0);
  return isEmpty(reference) || isEmpty(window) ? { psi: 0, pValue: 1 } : psiTest(reference, window);
}

function sharesOf(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / all);
}

/** A bin in words: `below 3`, `from 3 to 5`, `of 5 or more`. */
export function rangeOf(edges: readonly number[], bin: number): string {
  const [low, high] = [edges[bin - 1], edges[bin]];
  const written = (edge: number) => String(Number(edge.toPrecision(4)));
  if (low === undefined) return high === undefined ? 'of any size' : `below ${written(high)}`;
  if (high === undefined) return `of ${written(low)} or more`;
  // A value that many rows share has a bin of its own, no wider than the next number.
  return high - low <= 1e-9 * Math.max(Math.abs(low), 1e-9)
    ? `of ${written(low)}`
    : `from ${written(low)} to ${written(high)}`;
}
