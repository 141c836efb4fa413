import { SCALES_MAX } from '@gyre/contracts';
import { lossOf, mostLikely } from '@gyre/learning';

export interface OutcomeLossState {
  /** Fading mean of the absolute errors of what was served, in the label's unit; 0 before the first. */
  scale: number;
  /** Outcomes that it rests on, while they are few. */
  outcomes: number;
}

/** How fast the scale of a regression's losses forgets: its half-life is about 140 outcomes. */
const FADING = 0.005;

/**
 * The losses by which versions are compared: bounded, so that comparisons keep their guarantees.
 *
 * For classes the log loss with a floor of 0.02 under the probability, in nats. For a regression the absolute error in units of a moving scale, at most 5:
 * the scale is the same for all that are compared, and known before the outcome that it measures. What a detector watches is `error`, which no scale moves.
 */
export class OutcomeLoss {
  private scale = 0;
  private outcomes = 0;
  private readonly classes = lossOf('multiclass');

  constructor(private readonly isRegression: boolean) {}

  /** No loss is larger. */
  get max(): number {
    return this.isRegression ? SCALES_MAX : this.classes.max;
  }

  /** @param output class probabilities, or [value] */
  of(output: readonly number[], label: number): number {
    return this.isRegression ? this.scaled(output, label) : this.classes.of(output, label);
  }

  /** 0 or 1; of a regression the absolute error, in the label's unit. */
  error(output: readonly number[], label: number): number {
    if (this.isRegression) return Math.abs((output[0] ?? 0) - label);
    return mostLikely(output) === label ? 0 : 1;
  }

  /** In the unit of what a holdout promises: the absolute error, or the loss. */
  promised(output: readonly number[], label: number): number {
    return this.isRegression ? this.error(output, label) : this.of(output, label);
  }

  /** Takes an outcome into the scale, after it was judged. */
  learn(output: readonly number[], label: number): void {
    if (!this.isRegression) return;
    // The mean of the first ones, so that no single error sets the scale.
    const share = Math.max(FADING, 1 / (this.outcomes + 1));
    this.outcomes = Math.min(this.outcomes + 1, 1 / FADING);
    this.scale += share * (this.error(output, label) - this.scale);
  }

  private scaled(output: readonly number[], label: number): number {
    const error = this.error(output, label);
    if (this.scale === 0) return error === 0 ? 0 : 1;
    return Math.min(SCALES_MAX, error / this.scale);
  }

  state(): OutcomeLossState {
    return { scale: this.scale, outcomes: this.outcomes };
  }
  restore({ scale, outcomes }: OutcomeLossState): void {
    this.scale = scale;
    this.outcomes = outcomes;
  }
}
