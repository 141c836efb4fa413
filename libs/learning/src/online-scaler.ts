import { type MomentsState, RunningMoments } from './running-moments.js';

/**
 * Brings features to mean 0 and standard deviation 1 (of the population) by what has been seen so far. A feature that has not varied, or is missing (NaN), is 0.
 */
export class OnlineScaler {
  private moments: RunningMoments[];

  constructor(width: number) {
    if (!Number.isInteger(width) || width < 1) throw new RangeError(`A row has at least one feature, got ${width}`);
    this.moments = Array.from({ length: width }, () => new RunningMoments());
  }

  /** @param x of shape [width]; NaN is missing, all else finite */
  learn(x: ArrayLike<number>): void {
    this.check(x);
    this.moments.forEach((moments, f) => {
      if (x[f] === x[f]) moments.add(x[f]!);
    });
  }

  /** @returns float64 of shape [width] */
  scaled(x: ArrayLike<number>): Float64Array {
    this.check(x);
    return Float64Array.from(this.moments, (moments, f) => {
      const deviation = Math.sqrt(moments.variance(0));
      return deviation > 0 && x[f] === x[f] ? (x[f]! - moments.mean()) / deviation : 0;
    });
  }

  /** Of each feature. */
  state(): MomentsState[] {
    return this.moments.map((moments) => moments.state());
  }

  static of(state: readonly MomentsState[]): OnlineScaler {
    const scaler = new OnlineScaler(state.length);
    scaler.moments = state.map((moments) => RunningMoments.of(moments));
    return scaler;
  }

  private check(x: ArrayLike<number>): void {
    if (x.length !== this.moments.length)
      throw new RangeError(`A row has ${this.moments.length} features, got ${x.length}`);
    for (let f = 0; f < x.length; f++) {
      if (x[f] === Infinity || x[f] === -Infinity) throw new RangeError(`Feature ${f} is infinite`);
    }
  }
}
