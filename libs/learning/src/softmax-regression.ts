import { minimise } from './lbfgs.js';
import { classPriors } from './objective.js';
import type { LinearScore } from './ridge.js';

const ITERATIONS_MAX = 1000;

/**
 * Multinomial logistic regression: minimises the sum of log losses + l2/2 × |weights|², intercepts unpenalised (they
 * sum to 0), until no entry of the gradient exceeds tolerance × rows. Every class has weights, also one without rows.
 *
 * @param values row-major of shape [rows, width]
 * @param l2 above 0
 * @returns one score per class
 */
export function fitSoftmax(
  values: Float64Array,
  width: number,
  labels: Float64Array,
  classes: number,
  l2: number,
  tolerance: number,
): LinearScore[] {
  const rows = labels.length;
  const size = width + 1;
  const start = new Float64Array(classes * size);
  const priors = classPriors(labels, classes).map(Math.log);
  const centre = priors.reduce((sum, prior) => sum + prior, 0) / classes;
  for (let k = 0; k < classes; k++) start[k * size + width] = priors[k]! - centre;
  const powers = new Float64Array(classes);

  const loss = (point: Float64Array, gradient: Float64Array): number => {
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      for (let f = 0; f < width; f++) {
        const weight = point[k * size + f]!;
        sum += (l2 / 2) * weight * weight;
        gradient[k * size + f] = l2 * weight;
      }
      gradient[k * size + width] = 0;
    }
    for (let row = 0; row < rows; row++) {
      const at = row * width;
      let largest = -Infinity;
      for (let k = 0; k < classes; k++) {
        const own = k * size;
        let score = point[own + width]!;
        for (let f = 0; f < width; f++) score += point[own + f]! * values[at + f]!;
        powers[k] = score;
        if (score > largest) largest = score;
      }
      let total = 0;
      const ofLabel = powers[labels[row]!]! - largest;
      for (let k = 0; k < classes; k++) total += powers[k] = Math.exp(powers[k]! - largest);
      sum += Math.log(total) - ofLabel;
      for (let k = 0; k < classes; k++) {
        const own = k * size;
        const residual = powers[k]! / total - (labels[row] === k ? 1 : 0);
        for (let f = 0; f < width; f++) gradient[own + f]! += residual * values[at + f]!;
        gradient[own + width]! += residual;
      }
    }
    return sum;
  };

  const point = minimise(loss, start, tolerance * rows, ITERATIONS_MAX);
  return Array.from({ length: classes }, (_, k) => ({
    weights: point.slice(k * size, k * size + width),
    intercept: point[k * size + width]!,
  }));
}
