/** A pivot below this share of its diagonal entry is rounding: the column depends on those before it. */
const DEPENDENT = 1e-11;

/**
 * Solves A x = b for a symmetric, positive semi-definite A, in place.
 *
 * Where a column depends on earlier ones, its unknown is set to 0, so that a solution comes out even when A is singular.
 *
 * @param matrix row-major of shape [n, n]; its lower triangle is overwritten by the factor
 * @param vector of shape [n]; overwritten by the solution
 * @see G. Golub, C. Van Loan, Matrix Computations, 4.2
 */
export function solveCholesky(matrix: Float64Array, vector: Float64Array): void {
  const n = vector.length;
  const isFree = new Uint8Array(n);
  for (let j = 0; j < n; j++) {
    const diagonal = matrix[j * n + j]!;
    let pivot = diagonal;
    for (let k = 0; k < j; k++) pivot -= matrix[j * n + k]! ** 2;
    if (!(pivot > diagonal * DEPENDENT)) {
      isFree[j] = 1;
      for (let i = j; i < n; i++) matrix[i * n + j] = 0;
      continue;
    }
    const root = Math.sqrt(pivot);
    matrix[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let entry = matrix[i * n + j]!;
      for (let k = 0; k < j; k++) entry -= matrix[i * n + k]! * matrix[j * n + k]!;
      matrix[i * n + j] = entry / root;
    }
  }
  for (let i = 0; i < n; i++) {
    let value = vector[i]!;
    for (let k = 0; k < i; k++) value -= matrix[i * n + k]! * vector[k]!;
    vector[i] = isFree[i] ? 0 : value / matrix[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    let value = vector[i]!;
    for (let k = i + 1; k < n; k++) value -= matrix[k * n + i]! * vector[k]!;
    vector[i] = isFree[i] ? 0 : value / matrix[i * n + i]!;
  }
}
