import { type Dataset, type Task, checkDataset, columnsOf } from './dataset.js';
import { linkInPlace } from './link.js';
import { fitLogistic } from './logistic.js';
import { classPriors, meanOf } from './objective.js';
import { type LinearScore, fitRidge } from './ridge.js';
import { fitSoftmax } from './softmax-regression.js';
import { standardise } from './standardise.js';

export interface LinearOptions {
  /**
   * The L2 penalty on standardised features, in rows: Ridge's alpha, 1/C of LogisticRegression in scikit-learn. Above 0
   * for classes, at least 0 for a regression. Default 1.
   */
  readonly l2?: number;
  /** The largest entry of the mean gradient at which iterations stop, above 0; classes only. Default 1e-7. */
  readonly tolerance?: number;
}

/**
 * A linear model as plain JSON. The score of output k is intercept[k] + sum of weights[k][f] × x[f] on raw features, a
 * missing x[f] being replaced by mean[f]; `scale` is kept to tell what a weight means per standard deviation.
 * There is one output for a binary task (log-odds of class 1) and a regression (the value), one per class otherwise.
 */
export interface LinearModel {
  readonly kind: 'linear';
  readonly task: Task;
  /** 2, the number of classes, or 1 for a regression: the columns of a prediction. */
  readonly classes: number;
  readonly width: number;
  readonly mean: number[];
  readonly scale: number[];
  /** Of shape [outputs, width]. */
  readonly weights: number[][];
  readonly intercept: number[];
}

/**
 * Trains ridge regression, logistic regression or softmax regression on standardised features.
 *
 * The order of rows does not matter (but for rounding). No rows give a model that predicts 0 or equal chances; labels of
 * one class give the priors in which an unseen class counts as half a row, without weights. A feature that does not vary
 * or is never present has weight 0.
 *
 * @param classes required for multiclass
 * @throws RangeError on options out of range, or data that {@link checkDataset} refuses
 */
export function fitLinear(
  task: Task,
  classes: number | undefined,
  options: LinearOptions,
  train: Dataset,
): LinearModel {
  const { l2 = 1, tolerance = 1e-7 } = options;
  if (!(l2 >= 0 && l2 < Infinity) || (task !== 'regression' && l2 === 0)) {
    throw new RangeError(`l2 is at least 0, and above 0 for classes, got ${l2}`);
  }
  if (!(tolerance > 0)) throw new RangeError(`tolerance is above 0, got ${tolerance}`);
  const columns = columnsOf(task, classes);
  checkDataset(train, task, columns);
  const { values, mean, scale } = standardise(train);
  const { width, labels } = train;
  const scores = oneValueOf(task, columns, train) ?? scoresOf(task, columns, values, width, labels, l2, tolerance);
  const weights: number[][] = [];
  const intercept: number[] = [];
  for (const score of scores) {
    let constant = score.intercept;
    const raw = Array.from(score.weights, (weight, f) => (weight === 0 ? 0 : weight / scale[f]!));
    for (let f = 0; f < width; f++) constant -= raw[f]! * mean[f]!;
    weights.push(raw);
    intercept.push(constant);
  }
  return {
    kind: 'linear',
    task,
    classes: columns,
    width,
    mean: Array.from(mean),
    scale: Array.from(scale),
    weights,
    intercept,
  };
}

/** Scores without weights when all labels are the same, or there are none. */
function oneValueOf(task: Task, columns: number, train: Dataset): LinearScore[] | undefined {
  const { labels, width } = train;
  if (labels.some((label) => label !== labels[0])) return undefined;
  const flat = (intercept: number): LinearScore => ({ weights: new Float64Array(width), intercept });
  if (task === 'regression') return [flat(meanOf(labels))];
  const priors = classPriors(labels, columns);
  return task === 'binary' ? [flat(Math.log(priors[1]! / priors[0]!))] : Array.from(priors, (p) => flat(Math.log(p)));
}

function scoresOf(
  task: Task,
  columns: number,
  values: Float64Array,
  width: number,
  labels: Float64Array,
  l2: number,
  tolerance: number,
): LinearScore[] {
  if (task === 'regression') return [fitRidge(values, width, labels, l2)];
  if (task === 'binary') return [fitLogistic(values, width, labels, l2, tolerance)];
  return fitSoftmax(values, width, labels, columns, l2, tolerance);
}

/**
 * @param features row-major float32 of shape [rows, width]; NaN is missing
 * @returns float64 of shape [rows, outputs]: scores before the link
 */
export function linearRaw(model: LinearModel, features: Float32Array, rows: number): Float64Array {
  const { width, mean, weights, intercept } = model;
  const outputs = intercept.length;
  const scores = new Float64Array(rows * outputs);
  for (let k = 0; k < outputs; k++) {
    const own = weights[k]!;
    for (let row = 0; row < rows; row++) {
      let score = intercept[k]!;
      for (let f = 0, at = row * width; f < width; f++, at++) {
        const x = features[at]!;
        score += own[f]! * (x === x ? x : mean[f]!);
      }
      scores[row * outputs + k] = score;
    }
  }
  return scores;
}

/** The largest float32: a line that goes on beyond it answers this, not infinity. */
export const VALUE_MAX = (2 - 2 ** -23) * 2 ** 127;

/** @returns float64 of shape [rows, classes]: probabilities, or the value of a regression, within ±VALUE_MAX */
export function predictLinear(model: LinearModel, features: Float32Array, rows: number): Float64Array {
  const scores = linearRaw(model, features, rows);
  if (model.task !== 'regression') return linkInPlace(model.task, scores, rows);
  return scores.map((value) => Math.min(VALUE_MAX, Math.max(-VALUE_MAX, value)));
}
