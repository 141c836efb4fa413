/** What the model is saved as. */
export interface OnlineLogisticState {
  readonly weights: number[];
  readonly intercept: number;
}

export interface OnlineLogisticOptions {
  /** Step of the weights, above 0; default 0.01. */
  readonly rate?: number;
  /** Step of the intercept, at least 0; default 0.01. */
  readonly interceptRate?: number;
  /** Penalty on the squared weights, not on the intercept; at least 0, default 0. */
  readonly l2?: number;
}

/** Keeps one wild row from throwing all weights away. */
const GRADIENT_MAX = 1e12;

/**
 * Logistic regression by stochastic gradient descent, a row at a time. Features should be scaled, see {@link OnlineScaler}.
 *
 * @see L. Bottou (2012), Stochastic Gradient Descent Tricks; River's LogisticRegression, for the conventions
 */
export class OnlineLogistic {
  private weights: Float64Array;
  private intercept = 0;
  private readonly rate: number;
  private readonly interceptRate: number;
  private readonly l2: number;

  constructor(width: number, { rate = 0.01, interceptRate = 0.01, l2 = 0 }: OnlineLogisticOptions = {}) {
    if (!Number.isInteger(width) || width < 1) throw new RangeError(`A row has at least one feature, got ${width}`);
    if (!(rate > 0 && interceptRate >= 0 && l2 >= 0)) {
      throw new RangeError(`Rates and l2 are not negative, got ${rate}, ${interceptRate} and ${l2}`);
    }
    this.weights = new Float64Array(width);
    this.rate = rate;
    this.interceptRate = interceptRate;
    this.l2 = l2;
  }

  /**
   * @param x of shape [width], finite
   * @returns the probability of class 1
   */
  probability(x: ArrayLike<number>): number {
    if (x.length !== this.weights.length)
      throw new RangeError(`A row has ${this.weights.length} features, got ${x.length}`);
    let score = this.intercept;
    for (let f = 0; f < x.length; f++) score += this.weights[f]! * x[f]!;
    if (!Number.isFinite(score)) throw new RangeError(`A row has finite features, got ${Array.from(x).join(', ')}`);
    return 1 / (1 + Math.exp(-score));
  }

  /** @param label 0 or 1 */
  learn(x: ArrayLike<number>, label: number): void {
    if (label !== 0 && label !== 1) throw new RangeError(`A label is 0 or 1, got ${label}`);
    const error = this.probability(x) - label;
    for (let f = 0; f < x.length; f++) {
      const gradient = Math.min(GRADIENT_MAX, Math.max(-GRADIENT_MAX, error * x[f]!));
      this.weights[f]! -= this.rate * (gradient + this.l2 * this.weights[f]!);
    }
    this.intercept -= this.interceptRate * error;
  }

  state(): OnlineLogisticState {
    return { weights: Array.from(this.weights), intercept: this.intercept };
  }

  static of(state: OnlineLogisticState, options?: OnlineLogisticOptions): OnlineLogistic {
    const model = new OnlineLogistic(state.weights.length, options);
    model.weights = Float64Array.from(state.weights);
    model.intercept = state.intercept;
    return model;
  }
}
