import type { UnpairedEvidence } from '@gyre/contracts';
import { PairedComparison, type PairedComparisonState } from '@gyre/drift';

export interface CanaryArmsState {
  canary: PairedComparisonState;
  champion: PairedComparisonState;
}

/** Where the bounds are tightest: after some hundred answers. What they promise does not depend on it. */
const TIGHTEST_AT = 5;

/**
 * What a canary answered beside what the champion answered, on different requests: chance alone, by entity or key, shared them out. Each arm has an
 * empirical-Bernstein confidence sequence for its mean loss (the paired one against a loss of 0), so the canary is worse, with probability of error
 * at most alpha at all looks together, where the lower end of its loss lies above the upper end of the champion's.
 *
 * It needs no shadow score, so it holds where shadows are shed, and it sees a canary that fails its requests. Losses lie in [0, lossMax].
 */
export class CanaryArms {
  private readonly canary: PairedComparison;
  private readonly champion: PairedComparison;

  constructor(
    private readonly alpha: number,
    private readonly lossMax: number,
  ) {
    // One end of each sequence is looked at, so half of each one's alpha lies there; together they spend alpha.
    const options = { alpha, lossBound: lossMax, tightestAt: TIGHTEST_AT * lossMax ** 2 };
    this.canary = new PairedComparison(options);
    this.champion = new PairedComparison(options);
  }

  canaryAnswered(loss: number): void {
    this.canary.update(0, loss);
  }

  championAnswered(loss: number): void {
    this.champion.update(0, loss);
  }

  isWorse(): boolean {
    const { canary, champion } = this.evidence();
    return canary.lower > champion.upper;
  }

  evidence(): UnpairedEvidence {
    // The differences are those of 0 and a loss: their ends change sign and place.
    const [canary, champion] = [this.canary.interval(), this.champion.interval()];
    return {
      canary: { answers: canary.pairs, mean: -canary.mean, lower: Math.max(0, -canary.upper) },
      champion: { answers: champion.pairs, mean: -champion.mean, upper: Math.min(this.lossMax, -champion.lower) },
      alpha: this.alpha,
    };
  }

  state(): CanaryArmsState {
    return { canary: this.canary.state(), champion: this.champion.state() };
  }

  restore({ canary, champion }: CanaryArmsState): void {
    this.canary.restore(canary);
    this.champion.restore(champion);
  }
}
