import { SCALES_MAX } from '@gyre/contracts';
import { type Dataset, fit, type FittedModel, lossOf, metricsOf, predict, type RowRange, rowsOf } from '@gyre/learning';
import type { CandidatePlan } from './plan.js';

/** By name; null where a metric is not defined, such as the AUC of one class. */
export type Measures = Record<string, number | null>;

/**
 * A candidate and its baselines on the holdout.
 *
 * `loss` is the mean clipped loss: for classes the log loss with a floor of 0.02 under the probability, in nats; for a regression the
 * absolute error, at most 5, in units of what the mean of the rows before the holdout is off by, there.
 *
 * @param answer gives float64 of shape [rows, classes]
 */
export function measure(
  data: Dataset,
  plan: CandidatePlan,
  answer: (rows: RowRange) => Float64Array,
): { metrics: Measures; baseline: Measures } {
  const { task, classes } = plan;
  const before = { from: 0, to: plan.holdout.from };
  const constant = fit({ kind: 'constant', task, classes }, rowsOf(data, before), undefined, plan.seed);
  const labels = data.labels.subarray(plan.holdout.from, plan.holdout.to);
  const scale = task === 'regression' ? scaleOf(data.labels.subarray(0, before.to)) : 1;
  const of = (predictions: Float64Array): Measures => ({
    loss: meanLoss(plan, predictions, labels, scale),
    ...metricsOf(task, predictions, labels, classes),
  });
  const previous = of(previousLabels(data, plan));
  return {
    metrics: of(answer(plan.holdout)),
    baseline: { ...of(predictRows(constant, data, plan.holdout)), ...prefixed('previousLabel', previous) },
  };
}

/** @returns float64 of shape [rows, classes] */
export function predictRows(model: FittedModel, data: Dataset, range: RowRange): Float64Array {
  const rows = rowsOf(data, range);
  return predict(model, rows.features, rows.rows);
}

function meanLoss(
  { task, classes }: CandidatePlan,
  predictions: Float64Array,
  labels: Float64Array,
  scale: number,
): number {
  const loss = task === 'regression' ? lossOf(task, { cap: SCALES_MAX * scale }) : lossOf(task);
  let sum = 0;
  for (let row = 0; row < labels.length; row++)
    sum += loss.of(predictions.subarray(row * classes, (row + 1) * classes), labels[row]!);
  return sum / scale / labels.length;
}

/** The mean distance from the mean; 1 where labels do not vary. */
function scaleOf(labels: Float64Array): number {
  let mean = 0;
  for (let i = 0; i < labels.length; i++) mean += (labels[i]! - mean) / (i + 1);
  let distance = 0;
  for (let i = 0; i < labels.length; i++) distance += (Math.abs(labels[i]! - mean) - distance) / (i + 1);
  return distance > 0 ? distance : 1;
}

/** What says of every row what the row before it turned out to be, as if labels came at once. */
function previousLabels(data: Dataset, { task, classes, holdout }: CandidatePlan): Float64Array {
  const predictions = new Float64Array((holdout.to - holdout.from) * classes);
  for (let row = holdout.from, at = 0; row < holdout.to; row++, at += classes) {
    const label = data.labels[row - 1]!;
    if (task === 'regression') predictions[at] = label;
    else predictions[at + label] = 1;
  }
  return predictions;
}

function prefixed(prefix: string, measures: Measures): Measures {
  const named = Object.entries(measures).filter(([name]) => name !== 'rows');
  return Object.fromEntries(
    named.map(([name, value]) => [prefix + name.charAt(0).toUpperCase() + name.slice(1), value]),
  );
}
