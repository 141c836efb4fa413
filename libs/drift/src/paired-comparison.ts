import { requireOption } from './detector.js';
import { GammaExponentialBoundary, mixtureVariance } from './uniform-boundary.js';

export interface PairedComparisonOptions {
  /** Probability that the interval ever misses, in (0, 1). */
  alpha: number;
  /** Losses are clipped to [0, lossBound]; above 0, in the unit of the loss. */
  lossBound: number;
  /** Which guarantee; see the class. Default 'empirical-bernstein'. */
  bound?: 'empirical-bernstein' | 'asymptotic';
  /**
   * Where the interval is to be tightest: pairs times the variance of the difference there. The guarantee does not depend on it, the
   * width only weakly. Default 30·lossBound², such as 333 pairs with a standard deviation of 0.3, or 3,000 with 0.1, in units of the bound.
   */
  tightestAt?: number;
}

export interface PairedComparisonState {
  pairs: number;
  /** Sum of the differences, incumbent minus challenger, of the clipped losses. */
  sum: number;
  /** Sum of squared differences between each difference and its prediction from those before. */
  squares: number;
}

/** Both ends hold for the mean expected difference so far, and 0 inside means: not decided. */
export interface DifferenceInterval {
  pairs: number;
  /** Mean of loss(incumbent) − loss(challenger), clipped: above 0 when the challenger is better. 0 before the first pair. */
  mean: number;
  lower: number;
  upper: number;
}

/**
 * A difference is predicted from those before it (their mean, with one zero added), clamped to this share of the bound. The test's scale is
 * how far a difference can err from its prediction: 1.1 bounds instead of the 2 that an unclamped prediction needs, which
 * nearly halves the price of not knowing the distribution. Differences so large that the clamp matters are soon decided anyway.
 */
const PREDICTION_MAX = 0.1;

/** The asymptotic sequence says nothing before this many pairs. */
const ASYMPTOTIC_PAIRS_MIN = 100;

/**
 * Two forecasters scored on the same requests: by how much do their losses differ, at any time one cares to look.
 *
 * The interval is for the mean over the pairs so far of the *expected* difference, each given all that came before. That mean may
 * move, the pairs may depend on each other and on earlier decisions, and the time of looking may be chosen after looking: a
 * promotion on `lower > 0` is wrong with probability at most alpha/2, and so is a roll-back on `upper < 0`.
 *
 * - `'empirical-bernstein'`: the interval covers at all times together with probability at least 1 − alpha, for every sample
 *   size and every distribution of clipped losses. Conservative: it pays for the largest loss that could have come.
 * - `'asymptotic'`: narrower, for it pays only for the variance seen. Its coverage tends to 1 − alpha as the first look is taken
 *   later and is not guaranteed for any finite number of pairs; heavy-tailed or rare differences need more of them. It abstains
 *   (the whole range) for the first 100 pairs.
 *
 * O(1) time an update and three numbers of state.
 *
 * @throws RangeError if a loss is not a number; the state stays as it was. An infinite loss is clipped like any other.
 * @see Y. J. Choe, A. Ramdas (2023), Comparing Sequential Forecasters, Operations Research, Theorem 2: the empirical-Bernstein
 * confidence sequence, here with clamped predictions; the boundary is in `uniform-boundary.ts`.
 * @see Howard et al. (2021), Theorem 4 and its proof (Lemma 4.1 of X. Fan et al., 2015, Electronic Journal of Probability 20): only
 * how far a difference can fall short of its prediction enters the scale.
 * @see I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas (2024), Time-Uniform Central Limit Theory and Asymptotic
 * Confidence Sequences, Annals of Statistics 52: the Lindeberg-type sequence for martingale dependence and moving means.
 */
export class PairedComparison {
  private readonly lossBound: number;
  private readonly radiusOfSum: (squares: number) => number;
  private readonly pairsMin: number;
  private pairs = 0;
  private sum = 0;
  private squares = 0;

  constructor({ alpha, lossBound, bound = 'empirical-bernstein', tightestAt }: PairedComparisonOptions) {
    requireOption(alpha > 0 && alpha < 1, 'PairedComparison: alpha lies in (0, 1)', alpha);
    requireOption(
      lossBound > 0 && lossBound < Infinity,
      'PairedComparison: lossBound is finite and above 0',
      lossBound,
    );
    this.lossBound = lossBound;
    const focus = tightestAt ?? 30 * lossBound ** 2;
    if (bound === 'asymptotic') {
      const rho = mixtureVariance(alpha, focus);
      this.radiusOfSum = (squares) => {
        const growth = (squares + rho) / rho;
        return Math.sqrt(2 * (squares + rho) * (0.5 * Math.log(growth) - Math.log(alpha)));
      };
      this.pairsMin = ASYMPTOTIC_PAIRS_MIN;
    } else {
      // A difference lies in [−bound, bound], so it errs from its clamped prediction by at most this on either side.
      const boundary = new GammaExponentialBoundary(alpha / 2, (1 + PREDICTION_MAX) * lossBound, focus);
      this.radiusOfSum = (squares) => boundary.at(squares);
      this.pairsMin = 1;
    }
  }

  /** @param lossIncumbent and @param lossChallenger of the same request, in the unit of `lossBound` */
  update(lossIncumbent: number, lossChallenger: number): void {
    const difference = clamp(lossIncumbent, 0, this.lossBound) - clamp(lossChallenger, 0, this.lossBound);
    // Clipping leaves nothing but a NaN outside.
    if (!(difference >= -this.lossBound)) {
      throw new RangeError(`PairedComparison takes numbers, got ${lossIncumbent} and ${lossChallenger}`);
    }
    const predictionMax = PREDICTION_MAX * this.lossBound;
    const prediction = this.sum / (this.pairs + 1);
    const error = difference - clamp(prediction, -predictionMax, predictionMax);
    this.squares += error * error;
    this.pairs += 1;
    this.sum += difference;
  }

  interval(): DifferenceInterval {
    const { pairs, lossBound } = this;
    if (pairs === 0) return { pairs, mean: 0, lower: -lossBound, upper: lossBound };
    const mean = this.sum / pairs;
    if (pairs < this.pairsMin) return { pairs, mean, lower: -lossBound, upper: lossBound };
    const radius = this.radiusOfSum(this.squares) / pairs;
    return { pairs, mean, lower: Math.max(-lossBound, mean - radius), upper: Math.min(lossBound, mean + radius) };
  }

  state(): PairedComparisonState {
    return { pairs: this.pairs, sum: this.sum, squares: this.squares };
  }

  /** @throws RangeError if the state cannot have come from losses within the bound */
  restore({ pairs, sum, squares }: PairedComparisonState): void {
    const possible =
      Number.isSafeInteger(pairs) && pairs >= 0 && Math.abs(sum) <= pairs * this.lossBound * (1 + 1e-9) && squares >= 0;
    requireOption(
      possible,
      'PairedComparison: a state counts pairs and their bounded differences',
      `${pairs}, ${sum}, ${squares}`,
    );
    this.pairs = pairs;
    this.sum = sum;
    this.squares = squares;
  }
}

function clamp(value: number, lo: number, hi: number): number {
  return value < lo ? lo : value > hi ? hi : value;
}
