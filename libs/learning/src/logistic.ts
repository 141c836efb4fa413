import { solveCholesky } from './cholesky.js';
import { sigmoid } from './link.js';
import { classPriors } from './objective.js';
import type { LinearScore } from './ridge.js';

const ITERATIONS_MAX = 100;
/** Halvings of a step; after so many it is shorter than rounding. */
const HALVINGS_MAX = 40;

/**
 * Logistic regression by Newton's method (iteratively reweighted least squares) with step halving: minimises the sum of
 * log losses + l2/2 × |weights|², the intercept unpenalised. Stops when no entry of the gradient exceeds
 * tolerance × rows.
 *
 * @param values row-major of shape [rows, width]
 * @param labels 0 and 1, both present
 * @param l2 above 0, so that separable classes have a solution
 * @see C. Bishop (2006), Pattern Recognition and Machine Learning, 4.3.3
 */
export function fitLogistic(
  values: Float64Array,
  width: number,
  labels: Float64Array,
  l2: number,
  tolerance: number,
): LinearScore {
  const rows = labels.length;
  const size = width + 1;
  const [negative, positive] = classPriors(labels, 2);
  let current = new Float64Array(size);
  current[width] = Math.log(positive! / negative!);
  let loss = penalisedLoss(values, width, labels, l2, current);
  const gradient = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  for (let iteration = 0; iteration < ITERATIONS_MAX; iteration++) {
    derivatives(values, width, labels, l2, current, gradient, hessian);
    if (largestOf(gradient) <= tolerance * rows) break;
    const step = gradient.slice();
    solveCholesky(hessian, step);
    let next = current;
    let nextLoss = Infinity;
    for (let halving = 0, share = 1; halving < HALVINGS_MAX && !(nextLoss < loss); halving++, share /= 2) {
      next = current.map((weight, i) => weight - share * step[i]!);
      nextLoss = penalisedLoss(values, width, labels, l2, next);
    }
    if (!(nextLoss < loss)) break;
    current = next;
    loss = nextLoss;
  }
  return { weights: current.slice(0, width), intercept: current[width]! };
}

function scoreOf(values: Float64Array, start: number, width: number, weights: Float64Array): number {
  let score = weights[width]!;
  for (let f = 0; f < width; f++) score += weights[f]! * values[start + f]!;
  return score;
}

/** ln(1 + e^-margin), without overflow. */
function softplusOfMinus(margin: number): number {
  return margin > 0 ? Math.log1p(Math.exp(-margin)) : -margin + Math.log1p(Math.exp(margin));
}

function penalisedLoss(
  values: Float64Array,
  width: number,
  labels: Float64Array,
  l2: number,
  weights: Float64Array,
): number {
  let loss = 0;
  for (let f = 0; f < width; f++) loss += (l2 / 2) * weights[f]! ** 2;
  for (let row = 0; row < labels.length; row++) {
    const score = scoreOf(values, row * width, width, weights);
    loss += softplusOfMinus(labels[row] === 1 ? score : -score);
  }
  return loss;
}

function derivatives(
  values: Float64Array,
  width: number,
  labels: Float64Array,
  l2: number,
  weights: Float64Array,
  gradient: Float64Array,
  hessian: Float64Array,
): void {
  const size = width + 1;
  gradient.fill(0);
  hessian.fill(0);
  for (let row = 0; row < labels.length; row++) {
    const start = row * width;
    const p = sigmoid(scoreOf(values, start, width, weights));
    const residual = p - labels[row]!;
    const curvature = p * (1 - p);
    for (let i = 0; i < width; i++) {
      const x = values[start + i]!;
      gradient[i]! += residual * x;
      const weighted = curvature * x;
      for (let j = 0; j <= i; j++) hessian[i * size + j]! += weighted * values[start + j]!;
      hessian[width * size + i]! += weighted;
    }
    gradient[width]! += residual;
    hessian[width * size + width]! += curvature;
  }
  for (let f = 0; f < width; f++) {
    gradient[f]! += l2 * weights[f]!;
    hessian[f * size + f]! += l2;
  }
}

function largestOf(vector: Float64Array): number {
  let largest = 0;
  for (const entry of vector) largest = Math.max(largest, Math.abs(entry));
  return largest;
}
