import { ConfusionMatrix } from './confusion-matrix.js';
import type { Task } from './dataset.js';
import { mostLikely } from './losses.js';
import { logLoss } from './probability-metrics.js';
import { rankingMetrics } from './ranking-metrics.js';
import { RegressionErrors } from './regression-errors.js';

/** Everything that is measured of a classifier; null where it is not defined. */
export interface ClassMetrics {
  readonly rows: number;
  readonly accuracy: number | null;
  readonly kappa: number | null;
  readonly macroF1: number | null;
  readonly logLoss: number | null;
  /** Binary tasks only. */
  readonly rocAuc: number | null;
  /** Binary tasks only. */
  readonly prAuc: number | null;
}

/** Everything that is measured of a regression, in the label's unit; null where it is not defined. */
export interface ValueMetrics {
  readonly rows: number;
  readonly mae: number | null;
  readonly rmse: number | null;
  readonly r2: number | null;
}

export type Metrics = ClassMetrics | ValueMetrics;

/**
 * Measures predictions against labels.
 *
 * @param predictions row-major of shape [rows, classes], as `predict` gives them; a binary row counts as class 1 from a
 *   probability of 0.5 on
 */
export function metricsOf(task: Task, predictions: Float64Array, labels: Float64Array, classes: number): Metrics {
  return task === 'regression' ? valueMetrics(predictions, labels) : classMetrics(task, predictions, labels, classes);
}

export function classMetrics(
  task: 'binary' | 'multiclass',
  probabilities: Float64Array,
  labels: Float64Array,
  classes: number,
): ClassMetrics {
  const confusion = confusionOf(probabilities, labels, classes);
  const positive = task === 'binary' ? labels.map((_, row) => probabilities[2 * row + 1]!) : undefined;
  const { rocAuc, prAuc } = positive ? rankingMetrics(labels, positive) : { rocAuc: null, prAuc: null };
  return {
    rows: labels.length,
    accuracy: confusion.accuracy(),
    kappa: confusion.kappa(),
    macroF1: confusion.macroF1(),
    logLoss: logLoss(probabilities, classes, labels),
    rocAuc,
    prAuc,
  };
}

export function valueMetrics(values: Float64Array, labels: Float64Array): ValueMetrics {
  if (values.length !== labels.length) throw new RangeError(`${values.length} values, ${labels.length} labels`);
  const errors = new RegressionErrors();
  for (let row = 0; row < labels.length; row++) errors.add(labels[row]!, values[row]!);
  return { rows: labels.length, mae: errors.mae(), rmse: errors.rmse(), r2: errors.r2() };
}

/** Every row counts as its most likely class, see {@link mostLikely}. */
function confusionOf(probabilities: Float64Array, labels: Float64Array, classes: number): ConfusionMatrix {
  if (probabilities.length !== classes * labels.length) {
    throw new RangeError(`${labels.length} rows of ${classes} classes are not ${probabilities.length} probabilities`);
  }
  const confusion = new ConfusionMatrix(classes);
  for (let row = 0; row < labels.length; row++) {
    const own = probabilities.subarray(row * classes, (row + 1) * classes);
    confusion.add(labels[row]!, mostLikely(own));
  }
  return confusion;
}
