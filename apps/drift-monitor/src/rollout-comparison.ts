import type { LifecycleOf, PairedEvidence, Predicted } from '@gyre/contracts';
import { PairedComparison, type DifferenceInterval, type PairedComparisonState } from '@gyre/drift';
import type { OutcomeLoss } from './outcome-loss.js';

/** The interval is tightest where most rollouts are decided: after some hundred pairs. Its guarantee does not depend on it. */
const TIGHTEST_AT = 5;

type Started = LifecycleOf<'RolloutStarted'>;
type Challenger = Started['challengers'][number];
type Verdict = LifecycleOf<'ComparisonDecided'>['verdict'];

export interface RolloutComparisonState {
  rollouts: string[];
  incumbent: number;
  lossMax: number;
  challengers: { rules: Challenger; decided: boolean; comparison: PairedComparisonState }[];
}

export interface Decided {
  rollout: string;
  incumbent: number;
  challenger: Challenger;
  verdict: Verdict;
  evidence: PairedEvidence;
}

interface Comparing {
  rules: Challenger;
  decided: boolean;
  comparison: PairedComparison;
}

/**
 * The paired test of one rollout: champion and challengers scored on the same requests, each difference of their losses a pair.
 * The intervals hold at every look (see PairedComparison), so that each outcome may be the one that decides. Each challenger is decided once.
 */
export class RolloutComparison {
  /** This rollout, and those that it continues: a late label's prediction may have been made under them. */
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
    this.rollouts = [started.rollout, ...(continued?.rollouts ?? [])];
    this.challengers = started.challengers.map(
      (rules) => continued?.challengers.find((c) => c.rules.version === rules.version) ?? this.begin(rules),
    );
  }

  get rollout(): string {
    return this.rollouts[0] as string;
  }

  /** A decision looks at one end of the interval only, so the whole alpha lies there. */
  private begin(rules: Challenger): Comparing {
    return {
      rules,
      decided: false,
      comparison: new PairedComparison({
        alpha: Math.min(0.999, 2 * rules.alpha),
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
    const incumbent = outputOf(predicted, this.incumbent);
    if (incumbent === undefined) return [];
    const lossIncumbent = loss.of(incumbent, label);
    const decisions: Decided[] = [];
    for (const challenger of this.challengers) {
      const { rules, comparison } = challenger;
      const output = challenger.decided ? undefined : outputOf(predicted, rules.version);
      if (output === undefined) continue;
      comparison.update(lossIncumbent, loss.of(output, label));
      const interval = comparison.interval();
      const verdict = verdictOf(rules, interval);
      if (verdict === undefined) continue;
      challenger.decided = true;
      const evidence = { ...interval, alpha: rules.alpha };
      decisions.push({ rollout: this.rollout, incumbent: this.incumbent, challenger: rules, verdict, evidence });
    }
    return decisions;
  }

  state(): RolloutComparisonState {
    const challengers = this.challengers.map(({ rules, decided, comparison }) => ({
      rules,
      decided,
      comparison: comparison.state(),
    }));
    return { rollouts: this.rollouts, incumbent: this.incumbent, lossMax: this.lossMax, challengers };
  }

  static restored({ rollouts, incumbent, lossMax, challengers }: RolloutComparisonState): RolloutComparison {
    const started = { rollout: rollouts[0] as string, incumbent, challengers: challengers.map(({ rules }) => rules) };
    const restored = new RolloutComparison(started, lossMax);
    restored.rollouts.push(...rollouts.slice(1));
    challengers.forEach((saved, i) => {
      const challenger = restored.challengers[i] as Comparing;
      challenger.decided = saved.decided;
      challenger.comparison.restore(saved.comparison);
    });
    return restored;
  }
}

function verdictOf(
  { rule, notWorseBy, pairsMax }: Challenger,
  { pairs, lower, upper }: DifferenceInterval,
): Verdict | undefined {
  if (lower > 0) return 'better';
  if (rule === 'notWorse' && lower > -notWorseBy) return 'notWorse';
  if (upper < (rule === 'notWorse' ? -notWorseBy : 0)) return 'worse';
  return pairs >= pairsMax ? 'inconclusive' : undefined;
}

function outputOf(predicted: Predicted, version: number): readonly number[] | undefined {
  if (predicted.version === version) return predicted.output;
  return predicted.shadows.find((scored) => scored.version === version)?.output;
}
