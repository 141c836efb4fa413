import { EPSILON } from './losses.js';

/**
 * The mean of -ln(probability of the true class), each probability clipped to [floor, 1 - floor].
 *
 * @param probabilities row-major of shape [rows, classes]
 * @param labels class indices of shape [rows]
 * @returns null for no rows
 * @see scikit-learn, log_loss, which clips at {@link EPSILON}
 */
export function logLoss(
  probabilities: ArrayLike<number>,
  classes: number,
  labels: ArrayLike<number>,
  floor: number = EPSILON,
): number | null {
  const rows = checkedRows(probabilities, classes, labels);
  if (rows === 0) return null;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const probability = probabilities[row * classes + labels[row]!]!;
    sum -= Math.log(Math.min(1 - floor, Math.max(floor, probability)));
  }
  return sum / rows;
}

/**
 * The mean over rows of the squared distance between probabilities and truth, summed over classes. For two classes this
 * is twice the Brier score of class 1.
 *
 * @returns null for no rows
 */
export function brierSum(probabilities: ArrayLike<number>, classes: number, labels: ArrayLike<number>): number | null {
  const rows = checkedRows(probabilities, classes, labels);
  if (rows === 0) return null;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < classes; k++) sum += (probabilities[row * classes + k]! - (labels[row] === k ? 1 : 0)) ** 2;
  }
  return sum / rows;
}

function checkedRows(probabilities: ArrayLike<number>, classes: number, labels: ArrayLike<number>): number {
  if (probabilities.length !== classes * labels.length) {
    throw new RangeError(`${labels.length} rows of ${classes} classes are not ${probabilities.length} probabilities`);
  }
  return labels.length;
}
