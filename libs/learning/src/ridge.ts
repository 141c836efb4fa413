import { solveCholesky } from './cholesky.js';
import { meanOf } from './objective.js';

/** Weights per feature and an intercept, of one output. */
export interface LinearScore {
  readonly weights: Float64Array;
  readonly intercept: number;
}

/**
 * Least squares with an L2 penalty, in closed form: minimises the sum of squared errors + l2 × |weights|², the
 * intercept unpenalised, by the normal equations.
 *
 * @param values row-major of shape [rows, width], every column of mean 0
 * @param l2 at least 0; at 0 a feature that depends on earlier ones gets weight 0
 * @see A. Hoerl, R. Kennard (1970), Ridge Regression, Technometrics 12:55-67
 */
export function fitRidge(values: Float64Array, width: number, labels: Float64Array, l2: number): LinearScore {
  const intercept = meanOf(labels);
  const gram = new Float64Array(width * width);
  const weights = new Float64Array(width);
  for (let row = 0; row < labels.length; row++) {
    const start = row * width;
    const residual = labels[row]! - intercept;
    for (let i = 0; i < width; i++) {
      const x = values[start + i]!;
      if (x === 0) continue;
      weights[i]! += x * residual;
      for (let j = 0; j <= i; j++) gram[i * width + j]! += x * values[start + j]!;
    }
  }
  for (let i = 0; i < width; i++) gram[i * width + i]! += l2;
  solveCholesky(gram, weights);
  return { weights, intercept };
}
