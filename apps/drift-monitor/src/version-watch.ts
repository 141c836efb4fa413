import { calibratedMargin, chiSquareSurvival, EDetector, type EDetectorState } from '@gyre/drift';

export interface VersionWatchState {
  version: number;
  error: EDetectorState;
  /** What the trainer promised: the mean loss (or absolute error) on the holdout. */
  promised: number | null;
  window: Window;
  dropped: boolean;
  /** The rise that is not over, and how many outcomes ago it was told. */
  risen: { before: number; after: number; toldAgo: number } | null;
  /** Full windows without it since it was last found. */
  windowsWell: number;
  recent: number | null;
  /** Of the e-detector's baseline, in standard errors; null until it has been calibrated. */
  margin: number | null;
}

interface Window {
  outcomes: number;
  sum: number;
  squares: number;
  errors: number;
}

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
/** Of the newest error in the fading mean. */
const FADING = 0.02;

/** One version's watch: has its error risen (a sequential test on every outcome), and is it as good as its holdout promised (window by window). */
export class VersionWatch {
  private readonly error: EDetector;
  private window = emptyWindow();
  private dropped = false;
  private risen: VersionWatchState['risen'] = null;
  private windowsWell = 0;
  private recent: number | null = null;
  private margin: number | null = null;

  /** @param errorMax no error is larger */
  constructor(
    readonly version: number,
    private promised: number | null,
    private dial: VersionDial,
    private readonly errorMax: number,
    private readonly windowOutcomes: number,
    phases: number,
  ) {
    this.error = new EDetector({ falseAlarms: dial.error, max: errorMax, phases, direction: 'up' });
  }

  /** For a rate of alarms that is stated in time. */
  tune(dial: VersionDial): void {
    this.dial = dial;
    this.error.tune(dial.error);
  }

  /** Whether it waits for a sample of the errors that it makes. */
  get isCalibrated(): boolean {
    return this.margin !== null;
  }

  /** Sets the margin by which its own past is taken to be worse than it looks, so that errors like these keep to the dial. */
  calibrate(errors: readonly number[]): void {
    const levels = this.error.levels();
    if (levels === null) return;
    this.margin = calibratedMargin(errors, { falseAlarms: this.dial.error, max: this.errorMax, levels });
    this.error.tune(this.dial.error, this.margin);
  }

  /** Takes what the version would have answered in shadow: what its error is before it serves. */
  learn(error: number, phase: number): void {
    this.error.learn(error, phase);
  }

  /**
   * @param error 0/1, or scaled absolute error, of one answer
   * @param loss in the unit of `promised`
   * @param phase of the season
   */
  observe(error: number, loss: number, phase: number): VersionFindings {
    this.recent = this.recent === null ? error : this.recent + FADING * (error - this.recent);
    this.window.errors += error;
    if (this.risen !== null) this.risen.toldAgo += 1;
    const found = this.error.update(error, phase) === 'drift' ? this.drift() : {};
    return { ...found, ...this.performance(loss) };
  }

  /** The mean error of the version's past, and of about its last 50 answers; null before enough are known. */
  level(): { before: number; after: number } | null {
    const before = this.error.mean();
    return before === null || this.recent === null ? null : { before, after: this.recent };
  }

  private drift(): VersionFindings {
    const change = this.error.change();
    if (change === null) return {};
    const { countBefore, meanBefore: before, countAfter: since, meanAfter: after } = change;
    this.windowsWell = 0;
    const isKnown = this.risen !== null && this.risen.toldAgo < this.windowOutcomes;
    const toldAgo = isKnown ? this.risen!.toldAgo : 0;
    this.risen = { before: this.risen?.before ?? before, after, toldAgo };
    const drift = { observations: countBefore + since, before, after, since };
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
      promised !== null && value > (1 + SHARE_LOST) * promised && !this.isChance(value - promised, variance);
    const begins = isLower && !this.dropped;
    this.dropped = isLower;
    if (begins) return { drop: { value, reference: promised } };
    // Halfway back is back: what is left will be noticed as a rise of its own, or is the new normal.
    const isBack = this.risen !== null && error <= (this.risen.before + this.risen.after) / 2;
    this.windowsWell = isBack ? this.windowsWell + 1 : 0;
    if (this.windowsWell >= WINDOWS_WELL) this.risen = null;
    return this.risen === null && !this.dropped ? { isWell: true } : {};
  }

  /** One-sided. The holdout is a sample too, at most about as large as a window, so the difference has twice the variance of a window's mean. */
  private isChance(lost: number, variance: number): boolean {
    if (variance === 0) return false;
    const square = (lost * lost * this.windowOutcomes) / (2 * variance);
    return chiSquareSurvival(square, 1) / 2 > this.dial.performance * this.windowOutcomes;
  }

  state(): VersionWatchState {
    const { version, promised, dropped, risen, windowsWell, recent, margin } = this;
    const own = {
      version,
      promised,
      dropped,
      risen: risen === null ? null : { ...risen },
      windowsWell,
      recent,
      margin,
    };
    return { ...own, error: this.error.state(), window: { ...this.window } };
  }

  restore(state: VersionWatchState): void {
    this.promised = state.promised;
    this.margin = state.margin;
    if (this.margin !== null) this.error.tune(this.dial.error, this.margin);
    // With another season than before, the error is learned afresh.
    if (state.error.phases.length === this.error.state().phases.length) this.error.restore(state.error);
    this.dropped = state.dropped;
    this.window = { ...state.window };
    this.risen = state.risen === null ? null : { ...state.risen };
    this.windowsWell = state.windowsWell;
    this.recent = state.recent;
  }
}

function emptyWindow(): Window {
  return { outcomes: 0, sum: 0, squares: 0, errors: 0 };
}
