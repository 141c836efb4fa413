import { EPSILON } from './losses.js';
import { ProbabilityLosses } from './probability-losses.js';

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
  return lossesOf(probabilities, classes, labels, floor).logLoss();
}

/**
 * The mean over rows of the squared distance between probabilities and truth, summed over classes. For two classes this
 * is twice the Brier score of class 1.
 *
 * @returns null for no rows
 */
export function brierSum(probabilities: ArrayLike<number>, classes: number, labels: ArrayLike<number>): number | null {
  return lossesOf(probabilities, classes, labels).brierSum();
}

function lossesOf(
  probabilities: ArrayLike<number>,
  classes: number,
  labels: ArrayLike<number>,
  floor?: number,
): ProbabilityLosses {
  if (probabilities.length !== classes * labels.length) {
    throw new RangeError(`${labels.length} rows of ${classes} classes are not ${probabilities.length} probabilities`);
  }
  const losses = new ProbabilityLosses(floor);
  const own = new Float64Array(classes);
  for (let row = 0; row < labels.length; row++) {
    for (let k = 0; k < classes; k++) own[k] = probabilities[row * classes + k]!;
    losses.add(labels[row]!, own);
  }
  return losses;
}
