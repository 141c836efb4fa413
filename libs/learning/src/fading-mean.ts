/** What a fading mean is saved as. */
export interface FadingState {
  readonly sum: number;
  readonly weight: number;
}

/**
 * A mean in which a value counts `factor` times as much as the one after it: of right answers, the prequential accuracy that forgets. With a factor of 1
 * it is the plain mean; its memory is about 1 / (1 − factor) values.
 *
 * @see J. Gama, R. Sebastião, P. P. Rodrigues (2013), On Evaluating Stream Learning Algorithms, Machine Learning 90:317-346, section 3.3
 */
export class FadingMean {
  private current = { sum: 0, weight: 0 };

  /** @param factor in (0, 1] */
  constructor(private readonly factor: number) {
    if (!(factor > 0 && factor <= 1)) throw new RangeError(`A fading factor is in (0, 1], got ${factor}`);
  }

  /** @throws RangeError unless the value is finite; the mean stays as it was. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`Means are of finite numbers, got ${value}`);
    this.current.sum = value + this.factor * this.current.sum;
    this.current.weight = 1 + this.factor * this.current.weight;
  }

  /** Null before the first value. */
  mean(): number | null {
    return this.current.weight === 0 ? null : this.current.sum / this.current.weight;
  }

  state(): FadingState {
    return { ...this.current };
  }

  static of(state: FadingState, factor: number): FadingMean {
    const mean = new FadingMean(factor);
    mean.current = { ...state };
    return mean;
  }
}

/**
 * A mean that goes the share `alpha` of the way to each new value; it begins at the first. O(1).
 *
 * @see S. W. Roberts (1959), Technometrics 1:239-250
 */
export class ExponentialMean {
  private current: number | null = null;

  /** @param alpha in (0, 1] */
  constructor(private readonly alpha: number) {
    if (!(alpha > 0 && alpha <= 1)) throw new RangeError(`alpha is in (0, 1], got ${alpha}`);
  }

  /** @throws RangeError unless the value is finite; the mean stays as it was. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`Means are of finite numbers, got ${value}`);
    this.current = this.current === null ? value : this.alpha * value + (1 - this.alpha) * this.current;
  }

  /** Null before the first value; also what it is saved as. */
  mean(): number | null {
    return this.current;
  }

  static of(mean: number | null, alpha: number): ExponentialMean {
    const exponential = new ExponentialMean(alpha);
    exponential.current = mean;
    return exponential;
  }
}
