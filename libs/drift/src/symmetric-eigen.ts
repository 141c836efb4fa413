/** Eigenvalues of a symmetric matrix, largest first, and their unit eigenvectors, a row each. */
export interface Eigen {
  values: number[];
  vectors: Float64Array[];
}

/**
 * Jacobi's method: rotations that turn one off-diagonal entry after another to 0. O(width³) a sweep, of which some ten are needed; exact to rounding.
 *
 * @param matrix row-major of shape [width, width], symmetric, finite; it is overwritten
 * @see G. Golub, C. Van Loan (2013), Matrix Computations, section 8.5
 */
export function symmetricEigen(matrix: Float64Array, width: number): Eigen {
  const vectors = Array.from({ length: width }, (_, i) =>
    Float64Array.from({ length: width }, (_entry, j) => (i === j ? 1 : 0)),
  );
  const scale = matrix.reduce((sum, entry) => sum + entry * entry, 0);
  for (let sweep = 0; sweep < 100 && offDiagonal(matrix, width) > 1e-30 * scale; sweep += 1) {
    for (let p = 0; p < width; p += 1) for (let q = p + 1; q < width; q += 1) rotate(matrix, vectors, width, p, q);
  }
  const order = vectors.map((_, i) => i).sort((a, b) => matrix[b * width + b]! - matrix[a * width + a]!);
  return { values: order.map((i) => matrix[i * width + i]!), vectors: order.map((i) => vectors[i]!) };
}

function offDiagonal(matrix: Float64Array, width: number): number {
  let sum = 0;
  for (let p = 0; p < width; p += 1) for (let q = 0; q < width; q += 1) if (p !== q) sum += matrix[p * width + q]! ** 2;
  return sum;
}

function rotate(matrix: Float64Array, vectors: Float64Array[], width: number, p: number, q: number): void {
  const entry = matrix[p * width + q]!;
  if (entry === 0) return;
  const theta = (matrix[q * width + q]! - matrix[p * width + p]!) / (2 * entry);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cos = 1 / Math.hypot(t, 1);
  const sin = t * cos;
  for (let k = 0; k < width; k += 1) {
    const [a, b] = [matrix[k * width + p]!, matrix[k * width + q]!];
    matrix[k * width + p] = cos * a - sin * b;
    matrix[k * width + q] = sin * a + cos * b;
  }
  for (let k = 0; k < width; k += 1) {
    const [a, b] = [matrix[p * width + k]!, matrix[q * width + k]!];
    matrix[p * width + k] = cos * a - sin * b;
    matrix[q * width + k] = sin * a + cos * b;
    const [u, v] = [vectors[p]![k]!, vectors[q]![k]!];
    vectors[p]![k] = cos * u - sin * v;
    vectors[q]![k] = sin * u + cos * v;
  }
}
