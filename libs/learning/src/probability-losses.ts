import { EPSILON } from './losses.js';

/** What the losses are saved as: sums over the rows. */
export interface ProbabilityLossState {
  readonly rows: number;
  readonly log: number;
  readonly brier: number;
}

/** The log loss and the Brier score of predicted probabilities, one row at a time. Those of disjoint rows merge by addition. */
export class ProbabilityLosses {
  private current = { rows: 0, log: 0, brier: 0 };

  /**
   * @param floor the log loss clips each probability to [floor, 1 - floor]; scikit-learn's by default
   */
  constructor(private readonly floor: number = EPSILON) {
    if (!(floor > 0 && floor < 0.5)) throw new RangeError(`A probability floor is in (0, 0.5), got ${floor}`);
  }

  /**
   * @param label the class index
   * @param probabilities of shape [classes]
   * @throws RangeError if there is no such class, or a probability lies outside [0, 1]; the sums stay as they were.
   */
  add(label: number, probabilities: ArrayLike<number>): void {
    const own = probabilities[label];
    if (own === undefined) throw new RangeError(`Classes are 0 to ${probabilities.length - 1}, got ${label}`);
    let squares = 0;
    for (let k = 0; k < probabilities.length; k++) {
      const probability = probabilities[k]!;
      if (!(probability >= 0 && probability <= 1)) {
        throw new RangeError(`A probability is in [0, 1], got ${probability} of class ${k}`);
      }
      squares += (probability - (k === label ? 1 : 0)) ** 2;
    }
    this.current.rows += 1;
    this.current.log -= Math.log(Math.min(1 - this.floor, Math.max(this.floor, own)));
    this.current.brier += squares;
  }

  merge(other: ProbabilityLosses): void {
    this.current.rows += other.current.rows;
    this.current.log += other.current.log;
    this.current.brier += other.current.brier;
  }

  get rows(): number {
    return this.current.rows;
  }

  /** Mean of -ln(probability of the true class); null without rows. */
  logLoss(): number | null {
    return this.rows === 0 ? null : this.current.log / this.rows;
  }

  /** Mean squared distance of probabilities and truth, summed over classes: of two classes twice the Brier score of class 1. */
  brierSum(): number | null {
    return this.rows === 0 ? null : this.current.brier / this.rows;
  }

  state(): ProbabilityLossState {
    return { ...this.current };
  }

  static of(state: ProbabilityLossState, floor?: number): ProbabilityLosses {
    const losses = new ProbabilityLosses(floor);
    losses.current = { ...state };
    return losses;
  }
}
