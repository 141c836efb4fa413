import {
  calibratedMargin,
  chiSquareSurvival,
  EDetector,
  eDetectorDefaults,
  simulatedAlarms,
  type EDetectorState,
} from '@gyre/drift';
import { ErrorScale, type ErrorScaleState } from './error-scale.js';
import { phasesOf } from './season.js';

/** What the trainer promised: the mean loss (of a regression, the mean absolute error) on the holdout. */
export interface Promised {
  loss: number;
  /** Rows of the holdout; null where that is not known. */
  rows: number | null;
}

export interface VersionWatchState {
  version: number;
  /** By which the error has been watched, ms. */
  period: number | null;
  scale: ErrorScaleState;
  error: EDetectorState;
  promised: Promised | null;
  window: Window;
  dropped: boolean;
  /** The rise that is not over, and how many outcomes ago it was told. */
  risen: { before: number; after: number; toldAgo: number } | null;
  /** Full windows without it since it was last found. */
  windowsWell: number;
  recent: number | null;
  /** Of the e-detector's baseline, in standard errors, and the dial that it was found for; null until it has been calibrated. */
  margin: { value: number; alarms: number } | null;
}

interface Window {
  outcomes: number;
  sum: number;
  squares: number;
  /** Of the bounded errors. */
  errors: number;
}

/** A rise of the mean error, in the error's own unit. */
export interface Drift {
  /** Outcomes since the detector last started afresh. */
  observations: number;
  before: number;
  after: number;
  /** Outcomes since the change, as far as can be told. */
  since: number;
}
export interface Drop {
  value: number;
  reference: number;
}

export interface VersionFindings {
  drift?: Drift;
  /** A rise that was told already, found again. */
  goesOn?: Drift;
  drop?: Drop;
  /** A full window without either. */
  isWell?: true;
}

/** False alarms per row that each of the two watches may raise. */
export interface VersionDial {
  error: number;
  performance: number;
}

/** A drop is told where a window's mean is no chance, and worse than promised by this share. */
const SHARE_LOST = 0.1;
/** A rise is over after so many windows without it; found again before that, it is the same one, and is told again only after as many. */
const WINDOWS_WELL = 2;
/** A margin that was found for one dial is found again where the dial has moved by more than this. */
const DIAL_RATIO_MAX = 2;
/** Of the newest error in the fading mean. */
const FADING = 0.02;

export interface VersionWatchOptions {
  version: number;
  isRegression: boolean;
  promised: Promised | null;
  dial: VersionDial;
  windowOutcomes: number;
  /** Of the season, ms. */
  period: number | null;
}

/**
 * One version's watch: has its error risen (a sequential test on every outcome), and is it as good as its holdout promised (window by window).
 *
 * Errors are 0 or 1, or absolute errors in the label's unit, and so are the means that it finds; in between they are bounded by the version's ErrorScale.
 */
export class VersionWatch {
  readonly version: number;
  private readonly scale: ErrorScale;
  private readonly error: EDetector;
  private readonly period: number | null;
  private readonly windowOutcomes: number;
  private promised: Promised | null;
  private dial: VersionDial;
  private window = emptyWindow();
  private dropped = false;
  private risen: VersionWatchState['risen'] = null;
  private windowsWell = 0;
  private recent: number | null = null;
  private margin: VersionWatchState['margin'] = null;

  constructor({ version, isRegression, promised, dial, windowOutcomes, period }: VersionWatchOptions) {
    this.version = version;
    this.promised = promised;
    this.dial = dial;
    this.windowOutcomes = windowOutcomes;
    this.period = period;
    this.scale = new ErrorScale(isRegression, promised?.loss ?? null);
    const phases = phasesOf(period);
    this.error = new EDetector({ falseAlarms: dial.error, max: this.scale.max, phases, direction: 'up' });
  }

  /** For a rate of alarms that is stated in time. */
  tune(dial: VersionDial): void {
    this.dial = dial;
    this.aim(this.margin);
  }

  /** Takes a margin for as long as the dial is about the one that it was found for. */
  private aim(margin: VersionWatchState['margin']): void {
    const ratio = margin === null ? 1 : simulatedAlarms(this.dial.error) / margin.alarms;
    this.margin = ratio > DIAL_RATIO_MAX || ratio < 1 / DIAL_RATIO_MAX ? null : margin;
    this.error.tune(this.dial.error, this.margin?.value ?? eDetectorDefaults.margin);
  }

  /** Whether it waits for a sample of the errors that it makes. */
  get isCalibrated(): boolean {
    return this.margin !== null;
  }

  /**
   * Sets the margin by which its own past is taken to be worse than it looks, so that errors like these keep to the dial.
   * @param errors bounded
   */
  calibrate(errors: readonly number[]): void {
    const levels = this.error.levels();
    if (levels === null) return;
    const { error: falseAlarms } = this.dial;
    const value = calibratedMargin(errors, { falseAlarms, max: this.scale.max, levels });
    this.aim({ value, alarms: simulatedAlarms(falseAlarms) });
  }

  /** Of a bounded error of 1, in the label's unit. */
  get unit(): number {
    return this.scale.unit;
  }

  /** @returns the error in units of the version's scale; null while that is not known */
  bounded(error: number): number | null {
    return this.scale.bounded(error);
  }

  /** Takes what the version would have answered in shadow: what its error is before it serves. */
  learn(error: number, phase: number): void {
    const bounded = this.scale.bounded(error);
    if (bounded !== null) this.error.learn(bounded, phase);
    this.scale.learn(error);
  }

  /**
   * @param error 0/1, or absolute error, of one answer
   * @param loss in the unit of `promised`
   * @param phase of the season
   */
  observe(error: number, loss: number, phase: number): VersionFindings {
    const bounded = this.scale.bounded(error);
    const found = bounded === null ? {} : this.test(bounded, phase);
    this.scale.learn(error);
    return { ...found, ...this.performance(loss) };
  }

  private test(error: number, phase: number): VersionFindings {
    this.recent = this.recent === null ? error : this.recent + FADING * (error - this.recent);
    this.window.errors += error;
    if (this.risen !== null) this.risen.toldAgo += 1;
    return this.error.update(error, phase) === 'drift' ? this.drift() : {};
  }

  /** The mean error of the version's past, while it has risen that of before, and of about its last 50 answers; null before enough are known. */
  level(): { before: number; after: number } | null {
    // Since the rise the detector learns the new error as its past.
    const before = this.risen?.before ?? this.error.mean();
    const { unit } = this.scale;
    return before === null || this.recent === null ? null : { before: before * unit, after: this.recent * unit };
  }

  private drift(): VersionFindings {
    const change = this.error.change();
    if (change === null) return {};
    const { countBefore, meanBefore: before, countAfter: since, meanAfter: after } = change;
    this.windowsWell = 0;
    const isKnown = this.risen !== null && this.risen.toldAgo < this.windowOutcomes;
    const toldAgo = isKnown ? this.risen!.toldAgo : 0;
    this.risen = { before: this.risen?.before ?? before, after, toldAgo };
    const { unit } = this.scale;
    const drift = { observations: countBefore + since, before: before * unit, after: after * unit, since };
    return isKnown ? { goesOn: drift } : { drift };
  }

  private performance(loss: number): VersionFindings {
    const { window, promised } = this;
    window.outcomes += 1;
    window.sum += loss;
    window.squares += loss * loss;
    if (window.outcomes < this.windowOutcomes) return {};
    const value = window.sum / window.outcomes;
    const variance = Math.max(0, window.squares / window.outcomes - value * value);
    const error = window.errors / window.outcomes;
    this.window = emptyWindow();
    const isLower =
      promised !== null &&
      value > (1 + SHARE_LOST) * promised.loss &&
      !this.isChance(value - promised.loss, variance, promised.rows ?? this.windowOutcomes);
    const begins = isLower && !this.dropped;
    this.dropped = isLower;
    if (begins) return { drop: { value, reference: promised.loss } };
    // Halfway back is back: what is left will be noticed as a rise of its own, or is the new normal.
    const isBack = this.risen !== null && error <= (this.risen.before + this.risen.after) / 2;
    this.windowsWell = isBack ? this.windowsWell + 1 : 0;
    if (this.windowsWell >= WINDOWS_WELL) this.risen = null;
    return this.risen === null && !this.dropped ? { isWell: true } : {};
  }

  /** One-sided. The holdout is a sample too, of errors that are taken to vary as the window's do: the fewer rows it has, the more of the difference is chance. */
  private isChance(lost: number, variance: number, holdoutRows: number): boolean {
    if (variance === 0) return false;
    const square = (lost * lost) / (variance * (1 / this.windowOutcomes + 1 / holdoutRows));
    return chiSquareSurvival(square, 1) / 2 > this.dial.performance * this.windowOutcomes;
  }

  state(): VersionWatchState {
    const { version, period, promised, dropped, risen, windowsWell, recent, margin } = this;
    return {
      version,
      period,
      promised,
      dropped,
      windowsWell,
      recent,
      margin,
      risen: risen === null ? null : { ...risen },
      scale: this.scale.state(),
      error: this.error.state(),
      window: { ...this.window },
    };
  }

  restore(state: VersionWatchState): void {
    const { promised, dropped, windowsWell, recent, period, margin } = state;
    Object.assign(this, { promised, dropped, windowsWell, recent });
    this.scale.restore(state.scale);
    this.window = { ...state.window };
    this.risen = state.risen === null ? null : { ...state.risen };
    // With another season than before, the error is learned afresh, and so is the margin.
    if (period !== this.period) return;
    this.error.restore(state.error);
    this.aim(margin);
  }
}

function emptyWindow(): Window {
  return { outcomes: 0, sum: 0, squares: 0, errors: 0 };
}
