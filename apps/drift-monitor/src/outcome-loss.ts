import { lossOf, mostLikely } from '@gyre/learning';

export interface OutcomeLossState {
  /** Fading mean of the absolute errors of what was served, in the label's unit; 0 before the first. */
  scale: number;
}

/** How fast the scale of a regression's errors forgets: its half-life is about 140 outcomes. */
const FADING = 0.005;
const SCALES_MAX = 5;

/**
 * The losses by which answers are judged: bounded, so that detectors and comparisons keep their guarantees.
 *
 * For classes the log loss with a floor of 0.02 under the probability, in nats, and the 0/1 error. For a regression both are the absolute error in
 * units of a moving scale, at most 5; the scale is known before the outcome that it measures.
 */
export class OutcomeLoss {
  private scale = 0;
  private readonly classes = lossOf('multiclass');

  constructor(private readonly isRegression: boolean) {}

  /** No loss is larger. */
  get max(): number {
    return this.isRegression ? SCALES_MAX : this.classes.max;
  }

  /** No error is larger. */
  get errorMax(): number {
    return this.isRegression ? SCALES_MAX : 1;
  }

  /** @param output class probabilities, or [value] */
  of(output: readonly number[], label: number): number {
    return this.isRegression ? this.scaled(output, label) : this.classes.of(output, label);
  }

  /** What the detector on the error watches. */
  error(output: readonly number[], label: number): number {
    if (this.isRegression) return this.scaled(output, label);
    return mostLikely(output) === label ? 0 : 1;
  }

  /** Takes an outcome into the scale, after it was judged. */
  learn(output: readonly number[], label: number): void {
    if (!this.isRegression) return;
    const error = Math.abs((output[0] ?? 0) - label);
    this.scale = this.scale === 0 ? error : this.scale + FADING * (error - this.scale);
  }

  private scaled(output: readonly number[], label: number): number {
    const error = Math.abs((output[0] ?? 0) - label);
    if (this.scale === 0) return error === 0 ? 0 : 1;
    return Math.min(SCALES_MAX, error / this.scale);
  }

  state(): OutcomeLossState {
    return { scale: this.scale };
  }
  restore(state: OutcomeLossState): void {
    this.scale = state.scale;
  }
}
