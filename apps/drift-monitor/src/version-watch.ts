import { chiSquareSurvival, EDetector, type EDetectorState } from '@gyre/drift';

export interface VersionWatchState {
  version: number;
  error: EDetectorState;
  /** What the trainer promised: the mean loss (or absolute error) on the holdout. */
  promised: number | null;
  window: { outcomes: number; sum: number; squares: number };
  dropped: boolean;
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

/** False alarms per row that each of the two watches may raise. */
export interface VersionDial {
  error: number;
  performance: number;
}

/** A drop is told where a window's mean is no chance, and worse than promised by this share. */
const SHARE_LOST = 0.1;

/** One version's watch: has its error risen (a sequential test on every outcome), and is it as good as its holdout promised (window by window). */
export class VersionWatch {
  private readonly error: EDetector;
  private window = { outcomes: 0, sum: 0, squares: 0 };
  private dropped = false;

  /** @param errorMax no error is larger */
  constructor(
    readonly version: number,
    private readonly promised: number | null,
    private dial: VersionDial,
    errorMax: number,
    private readonly windowOutcomes: number,
  ) {
    this.error = new EDetector({ falseAlarms: dial.error, max: errorMax, direction: 'up' });
  }

  /** For a rate of alarms that is stated in time. */
  tune(dial: VersionDial): void {
    this.dial = dial;
    this.error.tune(dial.error);
  }

  /** Takes what the version would have answered in shadow: what its error is before it serves. */
  learn(error: number): void {
    this.error.learn(error);
  }

  /**
   * @param error 0/1, or scaled absolute error, of one answer
   * @param loss in the unit of `promised`
   */
  observe(error: number, loss: number): { drift?: Drift; drop?: Drop } {
    const found = this.error.update(error) === 'drift' ? this.drift() : {};
    return { ...found, ...this.performance(loss) };
  }

  private drift(): { drift?: Drift } {
    const change = this.error.change();
    if (change === null) return {};
    const { countBefore, meanBefore: before, countAfter: since, meanAfter: after } = change;
    return { drift: { observations: countBefore + since, before, after, since } };
  }

  private performance(loss: number): { drop?: Drop } {
    const { window, promised } = this;
    window.outcomes += 1;
    window.sum += loss;
    window.squares += loss * loss;
    if (window.outcomes < this.windowOutcomes) return {};
    const value = window.sum / window.outcomes;
    const variance = Math.max(0, window.squares / window.outcomes - value * value);
    this.window = { outcomes: 0, sum: 0, squares: 0 };
    const isLower =
      promised !== null && value > (1 + SHARE_LOST) * promised && !this.isChance(value - promised, variance);
    const begins = isLower && !this.dropped;
    this.dropped = isLower;
    return begins ? { drop: { value, reference: promised } } : {};
  }

  /** One-sided. The holdout is a sample too, at most about as large as a window, so the difference has twice the variance of a window's mean. */
  private isChance(lost: number, variance: number): boolean {
    if (variance === 0) return false;
    const square = (lost * lost * this.windowOutcomes) / (2 * variance);
    return chiSquareSurvival(square, 1) / 2 > this.dial.performance * this.windowOutcomes;
  }

  state(): VersionWatchState {
    const { version, promised, dropped } = this;
    return { version, promised, dropped, error: this.error.state(), window: { ...this.window } };
  }

  restore(state: VersionWatchState): void {
    this.error.restore(state.error);
    this.dropped = state.dropped;
    this.window = { ...state.window };
  }
}
