import type { PerformanceMeasured } from '@gyre/contracts';
import { Scores, type ScoresState } from './scores.js';

export interface PerformanceWindowState {
  /** In the order in which they first answered; null is the fallback. */
  versions: { version: number | null; scores: ScoresState }[];
}

/**
 * A tumbling window over the answers whose labels have come, in the order of the labels, in which each version's are told apart.
 *
 * It is not closed where another version answers: its ends are the count of labels by which training is decided on, and versions that share the
 * requests alternate from row to row.
 */
export class PerformanceWindow {
  private versions = new Map<number | null, Scores>();
  private outcomes = 0;

  /** @param classes how many; 0 for a regression */
  constructor(
    private readonly classes: number,
    private readonly size: number,
  ) {}

  /**
   * @param labels the count of labels before this one
   * @param loss of the answer, as comparisons measure it
   * @returns the window's numbers when this outcome fills it
   */
  add(
    { version, output }: { version: number | null; output: readonly number[] },
    label: number,
    at: number,
    labels: number,
    loss: number,
  ): Omit<PerformanceMeasured, 'model'> | undefined {
    const scores = this.versions.get(version) ?? new Scores(this.classes);
    this.versions.set(version, scores);
    scores.add(output, label, at, labels, loss);
    this.outcomes += 1;
    if (this.outcomes < this.size) return undefined;
    const measured = this.measured();
    this.versions.clear();
    this.outcomes = 0;
    return measured;
  }

  private measured(): Omit<PerformanceMeasured, 'model'> {
    const all = new Scores(this.classes);
    for (const scores of this.versions.values()) all.merge(scores);
    const versions = Array.from(this.versions, ([version, scores]) => ({
      version,
      labels: scores.outcomes,
      ...scores.measured(),
    }));
    const most = versions.reduce((best, one) => (one.labels > best.labels ? one : best));
    return { version: most.version, ...all.measured(), versions };
  }

  state(): PerformanceWindowState {
    return { versions: Array.from(this.versions, ([version, scores]) => ({ version, scores: scores.state() })) };
  }

  restore({ versions }: PerformanceWindowState): void {
    this.versions = new Map(versions.map(({ version, scores }) => [version, Scores.of(scores)]));
    this.outcomes = versions.reduce((sum, { scores }) => sum + scores.outcomes, 0);
  }
}
