import { type MomentsState, RunningMoments } from './running-moments.js';

/** What the model is saved as: of each class that has been seen, its rows and its features' moments. */
export type GaussianNaiveBayesState = readonly (readonly [label: number, rows: number, features: MomentsState[]])[];

interface ClassMoments {
  rows: number;
  readonly features: RunningMoments[];
}

/** Added to each density, so that one impossible feature does not decide alone. */
const DENSITY_FLOOR = 1e-9;

/**
 * Naive Bayes with a normal distribution (the variance of the population) per class and feature, a row at a time. Missing features (NaN) say nothing.
 *
 * A feature that has not varied within a class has density 0 there, but for a floor.
 *
 * @see G. John, P. Langley (1995), Estimating Continuous Distributions in Bayesian Classifiers, UAI; River's GaussianNB, for the conventions
 */
export class GaussianNaiveBayes {
  private readonly classes = new Map<number, ClassMoments>();

  constructor(private readonly width: number) {
    if (!Number.isInteger(width) || width < 1) throw new RangeError(`A row has at least one feature, got ${width}`);
  }

  /**
   * @param x of shape [width]; NaN is missing
   * @returns probabilities of the classes seen so far, which sum to 1; empty before the first row
   */
  probabilities(x: ArrayLike<number>): Map<number, number> {
    this.check(x);
    const rows = [...this.classes.values()].reduce((sum, one) => sum + one.rows, 0);
    const logs = [...this.classes].map(([label, one]): [number, number] => {
      let log = Math.log(one.rows / rows);
      one.features.forEach((moments, f) => {
        if (x[f] === x[f]) log += Math.log(DENSITY_FLOOR + density(moments, x[f]!));
      });
      return [label, log];
    });
    const largest = logs.reduce((most, [, log]) => Math.max(most, log), -Infinity);
    const whole = logs.reduce((sum, [, log]) => sum + Math.exp(log - largest), 0);
    return new Map(logs.map(([label, log]) => [label, Math.exp(log - largest) / whole]));
  }

  /** @throws RangeError on a row of another width, an infinite feature or a label that is no class; nothing is learned. */
  learn(x: ArrayLike<number>, label: number): void {
    this.check(x);
    if (!Number.isInteger(label) || label < 0)
      throw new RangeError(`A class is an integer of at least 0, got ${label}`);
    const own = this.classes.get(label) ?? {
      rows: 0,
      features: Array.from({ length: this.width }, () => new RunningMoments()),
    };
    own.rows += 1;
    own.features.forEach((moments, f) => {
      if (x[f] === x[f]) moments.add(x[f]!);
    });
    this.classes.set(label, own);
  }

  state(): GaussianNaiveBayesState {
    return [...this.classes].map(([label, { rows, features }]) => [label, rows, features.map((one) => one.state())]);
  }

  static of(state: GaussianNaiveBayesState, width: number): GaussianNaiveBayes {
    const model = new GaussianNaiveBayes(width);
    for (const [label, rows, features] of state) {
      model.classes.set(label, { rows, features: features.map((one) => RunningMoments.of(one)) });
    }
    return model;
  }

  private check(x: ArrayLike<number>): void {
    if (x.length !== this.width) throw new RangeError(`A row has ${this.width} features, got ${x.length}`);
    for (let f = 0; f < x.length; f++) {
      if (x[f] === Infinity || x[f] === -Infinity) throw new RangeError(`Feature ${f} is infinite`);
    }
  }
}

function density(moments: RunningMoments, x: number): number {
  const variance = moments.variance(0);
  if (!(variance > 0)) return 0;
  return Math.exp((x - moments.mean()) ** 2 / (-2 * variance)) / Math.sqrt(2 * Math.PI * variance);
}
