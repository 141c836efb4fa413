import {
  routingHash,
  type LifecycleOf,
  type PairedEvidence,
  type Predicted,
  type UnpairedEvidence,
} from '@gyre/contracts';
import { PairedComparison, type DifferenceInterval, type PairedComparisonState } from '@gyre/drift';
import { CanaryArms, type CanaryArmsState } from './canary-arms.js';
import type { OutcomeLoss } from './outcome-loss.js';

/** The interval is tightest where most rollouts are decided: after some hundred pairs. Its guarantee does not depend on it. */
const TIGHTEST_AT = 5;

/** So many of the rollouts that one continues are known by name: a champion that nobody beats has ever more. What was answered under an older one counts for none. */
const ROLLOUTS_MAX = 64;

type Started = LifecycleOf<'RolloutStarted'>;
type Challenger = Started['challengers'][number];
type Verdict = LifecycleOf<'ComparisonDecided'>['verdict'];

export interface RolloutComparisonState {
  rollouts: string[];
  incumbent: number;
  lossMax: number;
  challengers: {
    rules: Challenger;
    since: string;
    decided: boolean;
    comparison: PairedComparisonState;
    arms?: CanaryArmsState;
  }[];
}

export interface Decided {
  rollout: string;
  incumbent: number;
  challenger: Challenger;
  verdict: Verdict;
  evidence: PairedEvidence;
  /** Of a canary. */
  unpaired?: UnpairedEvidence;
}

interface Comparing {
  rules: Challenger;
  /** The rollout with which it began in its role. */
  since: string;
  decided: boolean;
  comparison: PairedComparison;
  /** Of a canary: what it and the champion answered, whether there is a pair or not. */
  arms?: CanaryArms;
}

/**
 * The paired test of one rollout: champion and challengers scored on the same requests, each difference of their losses a pair.
 * The intervals hold at every look (see PairedComparison), so that each outcome may be the one that decides. Each challenger is decided once.
 *
 * A canary is `worse` as soon as its pairs say so, or what it answered compared with what the champion answered other entities (CanaryArms), with half of
 * alpha for either; after `pairsMax` pairs it is `notWorse`, or `better` where that is proved. A request that it failed is a pair with the largest loss.
 */
export class RolloutComparison {
  /** This rollout, and the newest of those that it continues: a late label's prediction may have been made under them. */
  private readonly rollouts: string[];
  private readonly incumbent: number;
  private readonly challengers: Comparing[];

  /** @param continued the comparison whose evidence goes on for challengers that stay */
  constructor(
    started: Pick<Started, 'rollout' | 'incumbent' | 'challengers'>,
    private readonly lossMax: number,
    continued?: RolloutComparison,
  ) {
    this.incumbent = started.incumbent;
    this.rollouts = [started.rollout, ...(continued?.rollouts ?? [])].slice(0, ROLLOUTS_MAX);
    this.challengers = started.challengers.map(
      (rules) =>
        continued?.challengers.find((c) => c.rules.version === rules.version && c.rules.role === rules.role) ??
        this.begin(rules),
    );
  }

  get rollout(): string {
    return this.rollouts[0] as string;
  }

  /** A decision looks at one end of the interval only, so the whole alpha lies there. */
  private begin(rules: Challenger): Comparing {
    const isCanary = rules.role === 'canary';
    return {
      rules,
      since: this.rollout,
      decided: false,
      ...(isCanary ? { arms: new CanaryArms(rules.alpha / 2, this.lossMax) } : {}),
      comparison: new PairedComparison({
        alpha: isCanary ? rules.alpha : Math.min(0.999, 2 * rules.alpha),
        lossBound: this.lossMax,
        tightestAt: TIGHTEST_AT * this.lossMax ** 2,
      }),
    };
  }

  covers(rollout: string | null): boolean {
    return rollout !== null && this.rollouts.includes(rollout);
  }

  /** Takes an outcome whose prediction was made under this rollout, and returns what it decided. */
  observe(predicted: Predicted, label: number, loss: OutcomeLoss): Decided[] {
    const decisions: Decided[] = [];
    for (const challenger of this.challengers) {
      if (challenger.decided || challenger.arms === undefined) continue;
      if (this.answered(challenger, challenger.arms, predicted, loss.of(predicted.output, label))) {
        const decided = challenger.arms.isWorse() ? this.verdict(challenger) : undefined;
        if (decided !== undefined) decisions.push(decided);
      }
    }
    const incumbent = outputOf(predicted, this.incumbent);
    if (incumbent === undefined) return decisions;
    const lossIncumbent = loss.of(incumbent, label);
    for (const challenger of this.challengers) {
      const { rules, comparison, arms } = challenger;
      if (challenger.decided) continue;
      const isFailed = arms !== undefined && failedCanary(predicted, this.incumbent);
      const output = isFailed ? undefined : outputOf(predicted, rules.version);
      if (output === undefined && !isFailed) continue;
      const lossChallenger = output === undefined ? this.lossMax : loss.of(output, label);
      comparison.update(lossIncumbent, lossChallenger);
      const decided = this.verdict(challenger);
      if (decided !== undefined) decisions.push(decided);
    }
    return decisions;
  }

  /**
   * Counts an answer for the arm that gave it, or should have, if it was given while the canary answered its share: what the champion answered before
   * would be in its arm alone.
   * @returns whether it counts
   */
  private answered({ rules, since }: Comparing, arms: CanaryArms, predicted: Predicted, loss: number): boolean {
    const { model, entity, version, route, rollout } = predicted;
    // The newest rollout is the first. All that are kept came after one that is not.
    const began = this.rollouts.indexOf(since);
    const isOfBefore = began >= 0 && this.rollouts.indexOf(rollout ?? '') > began;
    if (entity === null || isOfBefore) return false;
    const unit = routingHash(model, entity);
    if (failedCanary(predicted, this.incumbent)) return arms.answered('canary', unit, this.lossMax);
    if (version === rules.version && route === 'canary') return arms.answered('canary', unit, loss);
    return version === this.incumbent && route === 'champion' && arms.answered('champion', unit, loss);
  }

  private verdict(challenger: Comparing): Decided | undefined {
    const { rules, comparison, arms } = challenger;
    const interval = comparison.interval();
    const unpaired = arms?.evidence();
    const verdict = arms?.isWorse() === true ? 'worse' : verdictOf(rules, interval);
    if (verdict === undefined) return undefined;
    challenger.decided = true;
    const evidence = { ...interval, alpha: rules.alpha };
    const decided = { rollout: this.rollout, incumbent: this.incumbent, challenger: rules, verdict, evidence };
    return unpaired === undefined ? decided : { ...decided, unpaired };
  }

  state(): RolloutComparisonState {
    const challengers = this.challengers.map(({ rules, since, decided, comparison, arms }) => ({
      rules,
      since,
      decided,
      comparison: comparison.state(),
      ...(arms === undefined ? {} : { arms: arms.state() }),
    }));
    return { rollouts: this.rollouts, incumbent: this.incumbent, lossMax: this.lossMax, challengers };
  }

  static restored({ rollouts, incumbent, lossMax, challengers }: RolloutComparisonState): RolloutComparison {
    const started = { rollout: rollouts[0] as string, incumbent, challengers: challengers.map(({ rules }) => rules) };
    const restored = new RolloutComparison(started, lossMax);
    restored.rollouts.push(...rollouts.slice(1));
    challengers.forEach((saved, i) => {
      const challenger = restored.challengers[i] as Comparing;
      challenger.since = saved.since;
      challenger.decided = saved.decided;
      challenger.comparison.restore(saved.comparison);
      if (saved.arms !== undefined) challenger.arms?.restore(saved.arms);
    });
    return restored;
  }
}

function verdictOf(
  { role, rule, notWorseBy, pairsMax }: Challenger,
  { pairs, lower, upper }: DifferenceInterval,
): Verdict | undefined {
  if (role === 'canary') {
    if (upper < 0) return 'worse';
    return pairs < pairsMax ? undefined : lower > 0 ? 'better' : 'notWorse';
  }
  if (lower > 0) return 'better';
  if (rule === 'notWorse' && lower > -notWorseBy) return 'notWorse';
  if (upper < (rule === 'notWorse' ? -notWorseBy : 0)) return 'worse';
  return pairs >= pairsMax ? 'inconclusive' : undefined;
}

/** The canary could not answer, and the champion did in its place. */
function failedCanary({ version, route }: Predicted, incumbent: number): boolean {
  return route === 'instead' && version === incumbent;
}

function outputOf(predicted: Predicted, version: number): readonly number[] | undefined {
  if (predicted.version === version) return predicted.output;
  return predicted.shadows.find((scored) => scored.version === version)?.output;
}
