import type { VersionMeasured } from '@gyre/contracts';
import {
  ConfusionMatrix,
  mostLikely,
  RegressionErrors,
  type ConfusionState,
  type RegressionState,
} from '@gyre/learning';

interface Sums {
  fromLabel: number;
  toLabel: number;
  from: number;
  to: number;
  outcomes: number;
  loss: number;
  logLoss: number;
}

export interface ScoresState extends Sums {
  confusion: ConfusionState | null;
  errors: RegressionState | null;
}

/** How answers fared whose labels have come. Those of disjoint outcomes merge. */
export class Scores {
  private sums: Sums = { fromLabel: 0, toLabel: 0, from: 0, to: 0, outcomes: 0, loss: 0, logLoss: 0 };
  private confusion: ConfusionMatrix | null;
  private errors: RegressionErrors | null;

  /** @param classes how many; 0 for a regression */
  constructor(classes: number) {
    this.confusion = classes > 0 ? new ConfusionMatrix(classes) : null;
    this.errors = classes > 0 ? null : new RegressionErrors();
  }

  get outcomes(): number {
    return this.sums.outcomes;
  }

  /**
   * @param labels the count of labels before this one
   * @param loss of the answer, as comparisons measure it
   */
  add(output: readonly number[], label: number, at: number, labels: number, loss: number): void {
    const { sums } = this;
    if (sums.outcomes === 0) Object.assign(sums, { fromLabel: labels, from: at });
    Object.assign(sums, { toLabel: labels + 1, to: at });
    sums.outcomes += 1;
    sums.loss += loss;
    if (this.confusion !== null) {
      this.confusion.add(label, mostLikely(output));
      sums.logLoss -= Math.log(Math.max(output[label] ?? 0, Number.EPSILON));
    }
    this.errors?.add(label, output[0] ?? 0);
  }

  /** @param other of outcomes of the same model, not empty */
  merge(other: Scores): void {
    const { sums } = this;
    const { fromLabel, from, toLabel, to, outcomes, loss, logLoss } = other.sums;
    if (sums.outcomes === 0 || fromLabel < sums.fromLabel) Object.assign(sums, { fromLabel, from });
    if (toLabel > sums.toLabel) Object.assign(sums, { toLabel, to });
    sums.outcomes += outcomes;
    sums.loss += loss;
    sums.logLoss += logLoss;
    if (other.confusion !== null) this.confusion?.merge(other.confusion);
    if (other.errors !== null) this.errors?.merge(other.errors);
  }

  /** Of one outcome at least. */
  measured(): Omit<VersionMeasured, 'version' | 'labels'> {
    const { fromLabel, toLabel, from, to, outcomes } = this.sums;
    const loss = this.sums.loss / outcomes;
    const metrics: Record<string, number | null> =
      this.confusion !== null
        ? {
            accuracy: this.confusion.accuracy(),
            kappa: this.confusion.kappa(),
            logLoss: this.sums.logLoss / outcomes,
            loss,
          }
        : { mae: this.errors?.mae() ?? null, rmse: this.errors?.rmse() ?? null, loss };
    return { fromLabel, toLabel, from, to, metrics };
  }

  state(): ScoresState {
    return { ...this.sums, confusion: this.confusion?.state() ?? null, errors: this.errors?.state() ?? null };
  }

  static of({ confusion, errors, ...sums }: ScoresState): Scores {
    const scores = new Scores(0);
    scores.sums = { ...sums };
    scores.confusion = confusion === null ? null : ConfusionMatrix.of(confusion);
    scores.errors = errors === null ? null : RegressionErrors.of(errors);
    return scores;
  }
}
