import type { UnpairedEvidence } from '@gyre/contracts';
import { PairedComparison, type PairedComparisonState } from '@gyre/drift';

export interface CanaryArmsState {
  canary: PairedComparisonState;
  champion: PairedComparisonState;
  /** Hashes of the entities that have counted. */
  entities: string[];
}

/** Where the bounds are tightest: after some hundred answers. What they promise does not depend on it. */
const TIGHTEST_AT = 5;

/** Entities of both arms together; those that come later count no more. */
const ENTITIES_MAX = 4_000;

/**
 * What a canary answered beside what the champion answered, on different requests. It needs no shadow score, so it holds where shadows are shed, and it
 * sees a canary that fails its requests.
 *
 * A hash of the entity shares the requests out, so an entity's requests are all in one arm, and few entities that are harder than others make one arm
 * lose more under the very same model, for ever. What chance has shared out is the entities. Each of them counts once therefore, with the first of its
 * answers that has a label; then the losses of either arm are drawn alike where the models are as good, however unlike the entities are. Requests that
 * name no entity do not count: they may share a routing key that is not recorded.
 *
 * Each arm has an empirical-Bernstein confidence sequence for its mean loss (the paired one against a loss of 0). The canary is worse where the lower end
 * of its loss lies above the upper end of the champion's: an error with probability at most alpha at all looks together, while the entities that come
 * new are alike in both arms. Few entities give few losses, and so no verdict. Losses lie in [0, lossMax].
 */
export class CanaryArms {
  private readonly canary: PairedComparison;
  private readonly champion: PairedComparison;
  private entities = new Set<string>();

  constructor(
    private readonly alpha: number,
    private readonly lossMax: number,
  ) {
    // One end of each sequence is looked at, so half of each one's alpha lies there; together they spend alpha.
    const options = { alpha, lossBound: lossMax, tightestAt: TIGHTEST_AT * lossMax ** 2 };
    this.canary = new PairedComparison(options);
    this.champion = new PairedComparison(options);
  }

  /**
   * Takes the loss of an answer, or of a failure to answer.
   * @param entity a hash of it
   * @returns whether it counts
   */
  answered(arm: 'canary' | 'champion', entity: string, loss: number): boolean {
    if (this.entities.has(entity) || this.entities.size >= ENTITIES_MAX) return false;
    this.entities.add(entity);
    this[arm].update(0, loss);
    return true;
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
    return { canary: this.canary.state(), champion: this.champion.state(), entities: [...this.entities] };
  }

  restore({ canary, champion, entities }: CanaryArmsState): void {
    this.entities = new Set(entities);
    this.canary.restore(canary);
    this.champion.restore(champion);
  }
}
