import type { ModelInForce, PerformanceMeasured, Predicted } from '@gyre/contracts';
import { GroupFairness, mostLikely, type FairnessState } from '@gyre/learning';

interface Segment {
  rows: number;
  errors: number;
  loss: number;
}

export interface GroupsState {
  /** The inputs that were declared. */
  declared: { segments: string[]; fairness: string[] };
  /** By declared input: by value. */
  segments: Record<string, Segment>[];
  fairness: FairnessState[];
}

/** So many values of an input are told apart, in the order in which they are met; the others are one group. */
const VALUES_MAX = 20;
const OTHER = 'other';
const MISSING = 'missing';

/** The declared segments and fairness groups of the window that is being filled. */
export class Groups {
  private segments: Record<string, Segment>[] = [];
  private fairness: GroupFairness[] = [];
  /** The names of the groups of each. */
  private names: string[][] = [];
  private readonly segmented: number[];
  private readonly protectedInputs: number[];

  constructor(private readonly spec: ModelInForce) {
    const names = spec.inputs.map(({ view, field }) => `${view}.${field}`);
    const places = (features: readonly string[] | undefined) => (features ?? []).map((name) => names.indexOf(name));
    this.segmented = places(spec.drift.segments);
    this.protectedInputs = places(spec.drift.fairness);
    this.empty();
  }

  /**
   * @param error 0 or 1, or the absolute error
   * @param isChampions fairness is a matter of the champion's answers alone
   */
  add({ features, output }: Predicted, label: number, error: number, loss: number, isChampions: boolean): void {
    this.segmented.forEach((at, i) => {
      const groups = this.segments[i]!;
      const name = groupOf(features[at], Object.keys(groups));
      const group = (groups[name] ??= { rows: 0, errors: 0, loss: 0 });
      group.rows += 1;
      group.errors += error;
      group.loss += loss;
    });
    if (!isChampions) return;
    this.protectedInputs.forEach((at, i) => {
      const groups = this.fairness[i]!;
      const name = groupOf(features[at], this.names[i]!);
      if (!this.names[i]!.includes(name)) this.names[i]!.push(name);
      groups.add(name, label, mostLikely(output));
    });
  }

  /** What the window shows; then the next begins. */
  measured(): Pick<PerformanceMeasured, 'segments' | 'fairness'> {
    const { segments: declared, fairness: groups } = this.declared;
    const segments = declared.flatMap((feature, i) =>
      Object.entries(this.segments[i]!)
        .map(([value, { rows, errors, loss }]) => ({ feature, value, rows, error: errors / rows, loss: loss / rows }))
        .sort((a, b) => b.rows - a.rows),
    );
    const fairness = groups.map((feature, i) => {
      const { demographicParityDifference, equalizedOddsDifference } = this.fairness[i]!.gaps();
      return { feature, demographicParityDifference, equalizedOddsDifference, groups: this.fairness[i]!.rates() };
    });
    this.empty();
    return { ...(segments.length > 0 ? { segments } : {}), ...(fairness.length > 0 ? { fairness } : {}) };
  }

  /** For another champion. */
  forgetFairness(): void {
    this.fairness = this.protectedInputs.map(() => new GroupFairness());
    this.names = this.protectedInputs.map(() => []);
  }

  private empty(): void {
    this.segments = this.segmented.map(() => ({}));
    this.forgetFairness();
  }

  private get declared(): GroupsState['declared'] {
    const { segments = [], fairness = [] } = this.spec.drift;
    return { segments, fairness };
  }

  state(): GroupsState {
    return {
      declared: this.declared,
      segments: this.segments.map((groups) => structured(groups)),
      fairness: this.fairness.map((groups) => groups.state()),
    };
  }

  restore(state: GroupsState): void {
    // With other groups than before, the window begins afresh.
    const { segments, fairness } = this.declared;
    if (state.declared.segments.join() !== segments.join() || state.declared.fairness.join() !== fairness.join())
      return;
    this.segments = state.segments.map((groups) => structured(groups));
    this.fairness = state.fairness.map((saved) => GroupFairness.of(saved));
    this.names = state.fairness.map((saved) => saved.map(([name]) => name));
  }
}

function structured(groups: Record<string, Segment>): Record<string, Segment> {
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, { ...group }]));
}

function groupOf(value: number | null | undefined, known: readonly string[]): string {
  if (value === null || value === undefined) return MISSING;
  const name = String(value);
  return known.includes(name) || known.length < VALUES_MAX ? name : OTHER;
}
