import { symmetricEigen, type Eigen } from './symmetric-eigen.js';

/** Of the largest variance, what is beneath this share is rounding, and a direction made of it none. */
const ROUNDING = 1e-12;

/**
 * Variances along the principal components of centred rows, largest first, and the components: unit vectors over the features, a row each.
 *
 * Rows fewer than features span no more directions than there are rows. Those are found by the products of rows with each other, which has the
 * same variances, so that the cost does not grow with the third power of the width: O(rows · width · m + m³) for m the smaller of the two.
 *
 * @param centred row-major of shape [rows, width], finite
 */
export function principalComponents(centred: Float64Array, width: number): Eigen {
  const rows = centred.length / width;
  return rows < width ? byRows(centred, rows, width) : symmetricEigen(covarianceOf(centred, rows, width), width);
}

function covarianceOf(centred: Float64Array, rows: number, width: number): Float64Array {
  const covariance = new Float64Array(width * width);
  for (let row = 0; row < rows; row += 1) {
    const z = centred.subarray(row * width, (row + 1) * width);
    for (let i = 0; i < width; i += 1) {
      if (z[i] === 0) continue;
      for (let j = 0; j < width; j += 1) covariance[i * width + j]! += (z[i]! * z[j]!) / rows;
    }
  }
  return covariance;
}

/** For a unit eigenvector u of ZZᵀ, Zᵀu is an eigenvector of ZᵀZ with the same eigenvalue. */
function byRows(centred: Float64Array, rows: number, width: number): Eigen {
  const products = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let f = 0; f < width; f += 1) sum += centred[i * width + f]! * centred[j * width + f]!;
      products[i * rows + j] = products[j * rows + i] = sum / rows;
    }
  }
  const { values, vectors } = symmetricEigen(products, rows);
  const kept = values.filter((value) => value > ROUNDING * values[0]!);
  return { values: kept, vectors: kept.map((_, i) => unitSum(centred, vectors[i]!, width)) };
}

/** The sum of rows by their weights, of length 1. */
function unitSum(centred: Float64Array, weights: Float64Array, width: number): Float64Array {
  const sum = new Float64Array(width);
  weights.forEach((weight, row) => {
    for (let f = 0; f < width; f += 1) sum[f]! += weight * centred[row * width + f]!;
  });
  const length = Math.sqrt(sum.reduce((total, entry) => total + entry * entry, 0));
  return sum.map((entry) => entry / length);
}
