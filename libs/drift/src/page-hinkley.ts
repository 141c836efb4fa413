import {
  isDirection,
  refusedValue,
  requireOption,
  VALUE_MAX,
  type Direction,
  type DriftDetector,
  type Verdict,
} from './detector.js';

export interface PageHinkleyOptions {
  /** No verdict before this many values. */
  minInstances: number;
  /** A change of the mean smaller than this is tolerated; in the stream's unit, at least 0. */
  delta: number;
  /** Accumulated deviation at which a change is reported; in the stream's unit, above 0. */
  threshold: number;
  /** Share of the accumulated deviation kept per value, in (0, 1]. */
  alpha: number;
  /** Which changes of the mean are watched for. */
  mode: Direction;
}

export const pageHinkleyDefaults: Readonly<PageHinkleyOptions> = {
  minInstances: 30,
  delta: 0.005,
  threshold: 50,
  alpha: 0.9999,
  mode: 'both',
};

export interface PageHinkleyState {
  n: number;
  mean: number;
  sumIncrease: number;
  sumDecrease: number;
  /** The extremes are null before the first value. */
  minIncrease: number | null;
  maxDecrease: number | null;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * Page–Hinkley test for a change in the mean of a stream, such as a model's error, in O(1) a value.
 *
 * Sums what deviates from the running mean beyond `delta`, and reports when the sum has moved by more than
 * `threshold` from its extreme. The verdicts are those of River 0.26.
 *
 * @throws RangeError if a value is not finite or beyond 1e100; the state stays as it was.
 * @see E. S. Page (1954), Continuous Inspection Schemes, Biometrika 41:100-115.
 */
export class PageHinkley implements DriftDetector<PageHinkleyState> {
  private readonly options: PageHinkleyOptions;
  private n = 0;
  private mean = 0;
  private sumIncrease = 0;
  private sumDecrease = 0;
  private minIncrease = Infinity;
  private maxDecrease = -Infinity;
  private restarts = false;

  constructor(options: Partial<PageHinkleyOptions> = {}) {
    this.options = { ...pageHinkleyDefaults, ...options };
    const { minInstances, delta, threshold, alpha } = this.options;
    requireOption(minInstances >= 0, 'Page-Hinkley: minInstances is at least 0', minInstances);
    requireOption(delta >= 0 && delta < Infinity, 'Page-Hinkley: delta is at least 0', delta);
    requireOption(threshold > 0, 'Page-Hinkley: threshold is above 0', threshold);
    requireOption(isDirection(this.options.mode), 'Page-Hinkley: mode is both, up or down', this.options.mode);
    requireOption(alpha > 0 && alpha <= 1, 'Page-Hinkley: alpha lies in (0, 1]', alpha);
  }

  update(value: number): Verdict {
    if (!(Math.abs(value) <= VALUE_MAX)) throw refusedValue('Page-Hinkley', value);
    if (this.restarts) this.start();
    const { minInstances, delta, threshold, alpha, mode } = this.options;
    this.n += 1;
    this.mean += (value - this.mean) / this.n;
    const deviation = value - this.mean;
    this.sumIncrease = alpha * this.sumIncrease + deviation - delta;
    this.sumDecrease = alpha * this.sumDecrease + deviation + delta;
    if (this.sumIncrease < this.minIncrease) this.minIncrease = this.sumIncrease;
    if (this.sumDecrease > this.maxDecrease) this.maxDecrease = this.sumDecrease;
    if (this.n < minInstances) return 'stable';
    const rose = mode !== 'down' && this.sumIncrease - this.minIncrease > threshold;
    const fell = mode !== 'up' && this.maxDecrease - this.sumDecrease > threshold;
    this.restarts = rose || fell;
    return this.restarts ? 'drift' : 'stable';
  }

  state(): PageHinkleyState {
    return {
      n: this.n,
      mean: this.mean,
      sumIncrease: this.sumIncrease,
      sumDecrease: this.sumDecrease,
      minIncrease: this.n === 0 ? null : this.minIncrease,
      maxDecrease: this.n === 0 ? null : this.maxDecrease,
      restarts: this.restarts,
    };
  }

  restore(state: PageHinkleyState): void {
    this.n = state.n;
    this.mean = state.mean;
    this.sumIncrease = state.sumIncrease;
    this.sumDecrease = state.sumDecrease;
    this.minIncrease = state.minIncrease ?? Infinity;
    this.maxDecrease = state.maxDecrease ?? -Infinity;
    this.restarts = state.restarts;
  }

  private start(): void {
    this.n = 0;
    this.mean = 0;
    this.sumIncrease = 0;
    this.sumDecrease = 0;
    this.minIncrease = Infinity;
    this.maxDecrease = -Infinity;
    this.restarts = false;
  }
}
