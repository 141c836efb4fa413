import { ConfusionMatrix, type ConfusionState } from './confusion-matrix.js';

/** How a binary classifier treats one group; null where there is no row to say. */
export interface GroupRates {
  readonly rows: number;
  /** Rows answered 1. */
  readonly selectionRate: number | null;
  /** Rows that are 1. */
  readonly baseRate: number | null;
  /** Of rows that are 1, those answered 1; of rows that are 0, those answered 1. */
  readonly truePositiveRate: number | null;
  readonly falsePositiveRate: number | null;
  readonly precision: number | null;
  readonly accuracy: number | null;
}

/** How differently groups are treated. A difference is of the largest and the smallest rate, a ratio of the smallest to the largest. */
export interface FairnessGaps {
  readonly demographicParityDifference: number | null;
  readonly demographicParityRatio: number | null;
  /** The worse of the true and the false positive rate. */
  readonly equalizedOddsDifference: number | null;
  readonly equalizedOddsRatio: number | null;
  /** Of the true positive rate alone. */
  readonly equalOpportunityDifference: number | null;
}

/** What it is saved as: the counts of each group, in order of first sight. */
export type FairnessState = readonly (readonly [group: string, counts: ConfusionState])[];

/**
 * Counts a binary classifier's answers by group, one row at a time, in memory of the number of groups. Those of disjoint rows merge by addition.
 *
 * @see M. Hardt, E. Price, N. Srebro (2016), Equality of Opportunity in Supervised Learning, NeurIPS; fairlearn for the conventions
 */
export class GroupFairness {
  private readonly groups = new Map<string, ConfusionMatrix>();

  /** @throws RangeError unless actual and predicted are 0 or 1; the counts stay as they were. */
  add(group: string, actual: number, predicted: number): void {
    const matrix = this.groups.get(group) ?? new ConfusionMatrix(2);
    matrix.add(actual, predicted);
    this.groups.set(group, matrix);
  }

  merge(other: GroupFairness): void {
    for (const [group, counts] of other.groups) {
      const own = this.groups.get(group) ?? new ConfusionMatrix(2);
      own.merge(counts);
      this.groups.set(group, own);
    }
  }

  get rows(): number {
    return [...this.groups.values()].reduce((sum, { rows }) => sum + rows, 0);
  }

  /** By group, in the order of the names. */
  rates(): Record<string, GroupRates> {
    const names = [...this.groups.keys()].sort();
    return Object.fromEntries(names.map((group) => [group, ratesOf(this.groups.get(group)!)]));
  }

  /**
   * @param emptyRates a group without rows of a class has no true (or false) positive rate: it is left out of that comparison, or counts as a rate of 0,
   *   as in fairlearn
   * @returns null for what fewer than one group can tell, and for ratios of zeros
   */
  gaps(emptyRates: 'left-out' | 'zero' = 'left-out'): FairnessGaps {
    const rates = Object.values(this.rates());
    const of = (rate: (group: GroupRates) => number | null) =>
      rates.map((group) => rate(group) ?? (emptyRates === 'zero' ? 0 : null)).filter((value) => value !== null);
    const selection = of(({ selectionRate }) => selectionRate);
    const truePositive = of(({ truePositiveRate }) => truePositiveRate);
    const falsePositive = of(({ falsePositiveRate }) => falsePositiveRate);
    return {
      demographicParityDifference: difference(selection),
      demographicParityRatio: ratio(selection),
      equalizedOddsDifference: worse(Math.max, difference(truePositive), difference(falsePositive)),
      equalizedOddsRatio: worse(Math.min, ratio(truePositive), ratio(falsePositive)),
      equalOpportunityDifference: difference(truePositive),
    };
  }

  /**
   * Each group's selection rate against that of one group; a four-fifths rule looks at these.
   *
   * @param group by default the first by name
   * @returns null for all where that group has no row or is never selected
   */
  disparateImpact(group?: string): Record<string, number | null> {
    const rates = this.rates();
    const against = rates[group ?? Object.keys(rates)[0] ?? '']?.selectionRate ?? 0;
    return Object.fromEntries(
      Object.entries(rates).map(([name, { selectionRate }]) => [name, against === 0 ? null : selectionRate! / against]),
    );
  }

  state(): FairnessState {
    return [...this.groups].map(([group, matrix]) => [group, matrix.state()]);
  }

  static of(state: FairnessState): GroupFairness {
    const fairness = new GroupFairness();
    for (const [group, counts] of state) fairness.groups.set(group, ConfusionMatrix.of(counts));
    return fairness;
  }
}

function ratesOf(matrix: ConfusionMatrix): GroupRates {
  const [tn, fp, fn, tp] = [matrix.count(0, 0), matrix.count(0, 1), matrix.count(1, 0), matrix.count(1, 1)];
  const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
  return {
    rows: matrix.rows,
    selectionRate: share(tp + fp, matrix.rows),
    baseRate: share(tp + fn, matrix.rows),
    truePositiveRate: share(tp, tp + fn),
    falsePositiveRate: share(fp, fp + tn),
    precision: share(tp, tp + fp),
    accuracy: matrix.accuracy(),
  };
}

function difference(rates: readonly number[]): number | null {
  return rates.length === 0 ? null : Math.max(...rates) - Math.min(...rates);
}

function ratio(rates: readonly number[]): number | null {
  const largest = Math.max(0, ...rates);
  return largest === 0 ? null : Math.min(...rates) / largest;
}

function worse(pick: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : pick(a, b);
}
