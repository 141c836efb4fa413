import type { Task } from './dataset.js';

/** The least probability that the log loss of a single row is taken of, unless another is given: it bounds the loss. */
const PROBABILITY_FLOOR = 0.02;

/** The floor of scikit-learn's log_loss: the distance from 1 to the next float64. */
export const EPSILON = 2.220446049250313e-16;

/**
 * A loss of one row: lower is better, never NaN.
 *
 * @param prediction what a model says of the row, of shape [classes] (probabilities) or [1] (a value)
 * @param label the class index, or the value
 */
export type RowLoss = (prediction: ArrayLike<number>, label: number) => number;

/** A bounded loss by which two models are compared on the same rows. */
export interface BoundedLoss {
  readonly of: RowLoss;
  /** No row loses more; losses start at 0. */
  readonly max: number;
}

/** -ln of the true class's probability, taken as at least `floor` (and at most 1); a class unknown to the model has probability 0. */
function logLossOfRow(prediction: ArrayLike<number>, label: number, floor: number): number {
  const probability = prediction[label] ?? 0;
  // Subtracted from 0, for the negative of 0 would be -0.
  return 0 - Math.log(Math.min(1, probability > floor ? probability : floor));
}

/** The class with the largest probability: of two equals class 1, of more the first. */
export function mostLikely(prediction: ArrayLike<number>): number {
  if (prediction.length === 2) return prediction[1]! >= prediction[0]! ? 1 : 0;
  let best = 0;
  for (let k = 1; k < prediction.length; k++) if (prediction[k]! > prediction[best]!) best = k;
  return best;
}

const absoluteError: RowLoss = (prediction, label) => Math.abs(prediction[0]! - label);

/**
 * The loss by which models of a task are compared: the log loss with a floor under the probability for classes, the
 * absolute error up to a cap for numbers. Both are bounded, as an empirical-Bernstein bound needs it.
 *
 * @param options.floor in (0, 1); classes only
 * @param options.cap in the label's unit, above 0; required for a regression, for only the caller knows the scale
 */
export function lossOf(task: Task, options: { readonly floor?: number; readonly cap?: number } = {}): BoundedLoss {
  if (task === 'regression') {
    const { cap } = options;
    if (cap === undefined || !(cap > 0)) throw new RangeError(`A regression's loss has a cap above 0, got ${cap}`);
    return { max: cap, of: (prediction, label) => Math.min(cap, absoluteError(prediction, label)) };
  }
  const { floor = PROBABILITY_FLOOR } = options;
  if (!(floor > 0 && floor < 1)) throw new RangeError(`A probability floor is in (0, 1), got ${floor}`);
  return { max: -Math.log(floor), of: (prediction, label) => logLossOfRow(prediction, label, floor) };
}

/**
 * What training and validation minimise: the mean log loss (floor {@link EPSILON}) or the mean squared error.
 *
 * @param predictions row-major of shape [rows, classes] or [rows]
 * @returns 0 for no rows
 */
export function meanLossOf(task: Task, predictions: Float64Array, labels: Float64Array): number {
  const rows = labels.length;
  if (rows === 0) return 0;
  const columns = predictions.length / rows;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (task === 'regression') sum += (predictions[row]! - label) ** 2;
    else sum -= Math.log(Math.max(EPSILON, predictions[row * columns + label]!));
  }
  return sum / rows;
}
