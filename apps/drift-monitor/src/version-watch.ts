import { Adwin, type AdwinState } from '@gyre/drift';

export interface VersionWatchState {
  version: number;
  adwin: AdwinState;
  /** Outcomes since the detector last started afresh. */
  observations: number;
  /** What the trainer promised: the mean loss (or absolute error) on the holdout. */
  promised: number | null;
  window: { outcomes: number; sum: number; squares: number };
  dropped: boolean;
}

export interface Drift {
  observations: number;
  before: number;
  after: number;
}
export interface Drop {
  value: number;
  reference: number;
}

/** A drop is told where a window's mean is worse than promised by this many standard errors, and by this share. */
const STANDARD_ERRORS = 3;
const SHARE_LOST = 0.1;

/**
 * One version's watch: has its error risen (a sequential test on every outcome), and is it as good as its holdout promised (window by window).
 *
 * The dial is the rate of false alarms. ADWIN's `delta` is derived from it as 200 × rate: at the default of 1 per 100,000 rows that is the
 * customary 0.002, at which 20 streams of constant error had no alarm in 10,000 rows each.
 */
export class VersionWatch {
  private readonly adwin: Adwin;
  private observations = 0;
  private window = { outcomes: 0, sum: 0, squares: 0 };
  private dropped = false;

  /** @param falseAlarms per row */
  constructor(
    readonly version: number,
    private readonly promised: number | null,
    falseAlarms: number,
    private readonly windowOutcomes: number,
  ) {
    this.adwin = new Adwin({ delta: Math.min(0.2, 200 * falseAlarms), direction: 'up' });
  }

  /**
   * @param error 0/1, or scaled absolute error, of one answer
   * @param loss in the unit of `promised`
   */
  observe(error: number, loss: number): { drift?: Drift; drop?: Drop } {
    this.observations += 1;
    const found = this.adwin.update(error) === 'drift' ? this.drift() : {};
    return { ...found, ...this.performance(loss) };
  }

  private drift(): { drift?: Drift } {
    const { observations } = this;
    this.observations = 0;
    const cut = this.adwin.change();
    if (cut === null || cut.meanAfter <= cut.meanBefore) return {};
    return { drift: { observations, before: cut.meanBefore, after: cut.meanAfter } };
  }

  private performance(loss: number): { drop?: Drop } {
    const { window, promised } = this;
    window.outcomes += 1;
    window.sum += loss;
    window.squares += loss * loss;
    if (window.outcomes < this.windowOutcomes) return {};
    const value = window.sum / window.outcomes;
    const variance = Math.max(0, window.squares / window.outcomes - value * value);
    const lost = promised === null ? 0 : value - promised;
    this.window = { outcomes: 0, sum: 0, squares: 0 };
    const isLower =
      promised !== null &&
      lost > Math.max(STANDARD_ERRORS * Math.sqrt(variance / window.outcomes), SHARE_LOST * promised);
    const begins = isLower && !this.dropped;
    this.dropped = isLower;
    return begins ? { drop: { value, reference: promised } } : {};
  }

  state(): VersionWatchState {
    const { version, promised, observations, dropped } = this;
    return { version, promised, observations, dropped, adwin: this.adwin.state(), window: { ...this.window } };
  }

  restore(state: VersionWatchState): void {
    this.adwin.restore(state.adwin);
    this.observations = state.observations;
    this.dropped = state.dropped;
    this.window = { ...state.window };
  }
}
