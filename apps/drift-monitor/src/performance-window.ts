import type { PerformanceMeasured } from '@gyre/contracts';
import {
  ConfusionMatrix,
  mostLikely,
  RegressionErrors,
  type ConfusionState,
  type RegressionState,
} from '@gyre/learning';

export interface PerformanceWindowState {
  fromLabel: number;
  from: number;
  to: number;
  outcomes: number;
  loss: number;
  logLoss: number;
  versions: Record<string, number>;
  confusion: ConfusionState | null;
  errors: RegressionState | null;
}

const FALLBACK = 'fallback';

/** A tumbling window over the answers whose labels have come, in the order of the labels. */
export class PerformanceWindow {
  private fromLabel = 0;
  private from = 0;
  private to = 0;
  private outcomes = 0;
  private loss = 0;
  private logLoss = 0;
  private versions: Record<string, number> = {};
  private confusion: ConfusionMatrix | null = null;
  private errors: RegressionErrors | null = null;

  /** @param classes how many; 0 for a regression */
  constructor(
    private readonly classes: number,
    private readonly size: number,
  ) {
    this.empty(0);
  }

  /**
   * @param labels the count of labels before this one
   * @param loss of the answer, as comparisons measure it
   * @returns the window's numbers when this outcome fills it
   */
  add(
    answer: { version: number | null; output: readonly number[] },
    label: number,
    at: number,
    labels: number,
    loss: number,
  ): Omit<PerformanceMeasured, 'model'> | undefined {
    if (this.outcomes === 0) {
      this.fromLabel = labels;
      this.from = at;
    }
    this.outcomes += 1;
    this.to = at;
    this.loss += loss;
    const version = String(answer.version ?? FALLBACK);
    this.versions[version] = (this.versions[version] ?? 0) + 1;
    if (this.confusion !== null) {
      this.confusion.add(label, mostLikely(answer.output));
      this.logLoss -= Math.log(Math.max(answer.output[label] ?? 0, Number.EPSILON));
    }
    this.errors?.add(label, answer.output[0] ?? 0);
    if (this.outcomes < this.size) return undefined;
    const measured = this.measured(labels + 1);
    this.empty(labels + 1);
    return measured;
  }

  private measured(toLabel: number): Omit<PerformanceMeasured, 'model'> {
    const most = Object.entries(this.versions).sort((a, b) => b[1] - a[1])[0]?.[0];
    const loss = this.loss / this.outcomes;
    const metrics: Record<string, number | null> =
      this.confusion !== null
        ? {
            accuracy: this.confusion.accuracy(),
            kappa: this.confusion.kappa(),
            logLoss: this.logLoss / this.outcomes,
            loss,
          }
        : { mae: this.errors?.mae() ?? null, rmse: this.errors?.rmse() ?? null, loss };
    const { fromLabel, from, to } = this;
    return {
      version: most === undefined || most === FALLBACK ? null : Number(most),
      fromLabel,
      toLabel,
      from,
      to,
      metrics,
    };
  }

  private empty(labels: number): void {
    this.fromLabel = labels;
    this.outcomes = 0;
    this.loss = 0;
    this.logLoss = 0;
    this.versions = {};
    this.confusion = this.classes > 0 ? new ConfusionMatrix(this.classes) : null;
    this.errors = this.classes > 0 ? null : new RegressionErrors();
  }

  state(): PerformanceWindowState {
    const { fromLabel, from, to, outcomes, loss, logLoss, versions } = this;
    return {
      fromLabel,
      from,
      to,
      outcomes,
      loss,
      logLoss,
      versions: { ...versions },
      confusion: this.confusion?.state() ?? null,
      errors: this.errors?.state() ?? null,
    };
  }

  restore(state: PerformanceWindowState): void {
    const { fromLabel, from, to, outcomes, loss, logLoss, versions } = state;
    Object.assign(this, { fromLabel, from, to, outcomes, loss, logLoss, versions: { ...versions } });
    this.confusion = state.confusion === null ? null : ConfusionMatrix.of(state.confusion);
    this.errors = state.errors === null ? null : RegressionErrors.of(state.errors);
  }
}
