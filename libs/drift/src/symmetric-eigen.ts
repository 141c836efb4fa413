/** Eigenvalues of a symmetric matrix, largest first, and their unit eigenvectors, a row each. */
export interface Eigen {
  values: number[];
  vectors: Float64Array[];
}

/**
 * Householder's reflections to a tridiagonal matrix, then implicit QL steps. O(width³); exact to rounding beside the
 * largest eigenvalue.
 *
 * @param matrix row-major of shape [width, width], symmetric, finite; it is overwritten
 * @see J. Wilkinson, C. Reinsch (1971), Handbook for Automatic Computation II, contributions II/2 (tred2) and II/3 (tql2)
 */
export function symmetricEigen(matrix: Float64Array, width: number): Eigen {
  const vectors = Array.from({ length: width }, (_, i) => matrix.subarray(i * width, (i + 1) * width));
  const diagonal = new Float64Array(width);
  const beside = new Float64Array(width);
  tridiagonalise(vectors, diagonal, beside);
  diagonalise(vectors, diagonal, beside);
  const order = vectors.map((_, i) => i).sort((a, b) => diagonal[b]! - diagonal[a]!);
  return { values: order.map((i) => diagonal[i]!), vectors: order.map((i) => vectors[i]!) };
}

/**
 * Leaves the product of the reflections in `rows`, transposed against Wilkinson's so that all inner loops run along a row; the tridiagonal matrix in
 * `diagonal` and, for what stands left of it, in `beside` from 1 on.
 */
function tridiagonalise(rows: Float64Array[], diagonal: Float64Array, beside: Float64Array): void {
  const width = rows.length;
  // The row that is being reflected, then its reflection; the diagonal's places are free until they are reached.
  const u = diagonal;
  for (let j = 0; j < width; j += 1) u[j] = rows[j]![width - 1]!;
  for (let i = width - 1; i > 0; i -= 1) {
    let scale = 0;
    for (let k = 0; k < i; k += 1) scale += Math.abs(u[k]!);
    let h = 0;
    if (scale === 0) {
      beside[i] = u[i - 1]!;
      for (let j = 0; j < i; j += 1) {
        u[j] = rows[j]![i - 1]!;
        rows[j]![i] = rows[i]![j] = 0;
      }
    } else {
      for (let k = 0; k < i; k += 1) {
        u[k]! /= scale;
        h += u[k]! * u[k]!;
      }
      const last = u[i - 1]!;
      const g = last > 0 ? -Math.sqrt(h) : Math.sqrt(h);
      beside[i] = scale * g;
      h -= last * g;
      u[i - 1] = last - g;
      reflect(rows, u, beside, i, h);
    }
    diagonal[i] = h;
  }
  multiplyReflections(rows, diagonal);
  for (let j = 0; j < width; j += 1) {
    diagonal[j] = rows[j]![width - 1]!;
    rows[j]![width - 1] = j === width - 1 ? 1 : 0;
  }
  beside[0] = 0;
}

/** Reflects the first `i` rows and columns by `u`, whose squared length is 2h; takes the next row to be reflected into `u`. */
function reflect(rows: Float64Array[], u: Float64Array, beside: Float64Array, i: number, h: number): void {
  beside.fill(0, 0, i);
  for (let j = 0; j < i; j += 1) {
    const row = rows[j]!;
    const f = u[j]!;
    rows[i]![j] = f;
    let g = beside[j]! + row[j]! * f;
    for (let k = j + 1; k < i; k += 1) {
      g += row[k]! * u[k]!;
      beside[k]! += row[k]! * f;
    }
    beside[j] = g;
  }
  let along = 0;
  for (let j = 0; j < i; j += 1) {
    beside[j]! /= h;
    along += beside[j]! * u[j]!;
  }
  for (let j = 0; j < i; j += 1) beside[j]! -= (along / (h + h)) * u[j]!;
  for (let j = 0; j < i; j += 1) {
    const row = rows[j]!;
    const f = u[j]!;
    const g = beside[j]!;
    for (let k = j; k < i; k += 1) row[k]! -= f * beside[k]! + g * u[k]!;
    u[j] = row[i - 1]!;
    row[i] = 0;
  }
}

function multiplyReflections(rows: Float64Array[], halves: Float64Array): void {
  const width = rows.length;
  for (let i = 0; i + 1 < width; i += 1) {
    rows[i]![width - 1] = rows[i]![i]!;
    rows[i]![i] = 1;
    const reflection = rows[i + 1]!;
    const h = halves[i + 1]!;
    if (h !== 0) {
      for (let k = 0; k <= i; k += 1) halves[k] = reflection[k]! / h;
      for (let j = 0; j <= i; j += 1) {
        const row = rows[j]!;
        let along = 0;
        for (let k = 0; k <= i; k += 1) along += reflection[k]! * row[k]!;
        for (let k = 0; k <= i; k += 1) row[k]! -= along * halves[k]!;
      }
    }
    reflection.fill(0, 0, i + 1);
  }
}

/** Turns the entries beside the diagonal to 0, and the rows into eigenvectors. */
function diagonalise(rows: Float64Array[], d: Float64Array, e: Float64Array): void {
  const width = rows.length;
  e.copyWithin(0, 1);
  e[width - 1] = 0;
  // Beside the largest of all: what rounding leaves of a matrix of low rank shrinks to where doubles have few digits, and rotations no length.
  const nothing = Number.EPSILON * d.reduce((most, entry, i) => Math.max(most, Math.abs(entry) + Math.abs(e[i]!)), 0);
  let shifted = 0;
  for (let l = 0; l < width; l += 1) {
    let m = l;
    while (Math.abs(e[m]!) > nothing) m += 1;
    while (Math.abs(e[l]!) > nothing) {
      const first = d[l]!;
      const slope = (d[l + 1]! - first) / (2 * e[l]!);
      const root = slope + (slope < 0 ? -Math.hypot(slope, 1) : Math.hypot(slope, 1));
      d[l] = e[l]! / root;
      d[l + 1] = e[l]! * root;
      const shift = first - d[l]!;
      for (let i = l + 2; i < width; i += 1) d[i]! -= shift;
      shifted += shift;
      qlStep(rows, d, e, l, m);
    }
    d[l]! += shifted;
    e[l] = 0;
  }
}

/** One sweep of rotations from `m` down to `l`, with the shift already taken off. */
function qlStep(rows: Float64Array[], d: Float64Array, e: Float64Array, l: number, m: number): void {
  const [next, nextBeside] = [d[l + 1]!, e[l + 1]!];
  let p = d[m]!;
  let [c, c2, c3, s, s2] = [1, 1, 1, 0, 0];
  for (let i = m - 1; i >= l; i -= 1) {
    c3 = c2;
    c2 = c;
    s2 = s;
    const g = c * e[i]!;
    const h = c * p;
    const r = Math.hypot(p, e[i]!);
    e[i + 1] = s * r;
    s = e[i]! / r;
    c = p / r;
    p = c * d[i]! - s * g;
    d[i + 1] = h + s * (c * g + s * d[i]!);
    const [here, after] = [rows[i]!, rows[i + 1]!];
    for (let k = 0; k < here.length; k += 1) {
      const [a, b] = [here[k]!, after[k]!];
      after[k] = s * a + c * b;
      here[k] = c * a - s * b;
    }
  }
  p = (-s * s2 * c3 * nextBeside * e[l]!) / next;
  e[l] = s * p;
  d[l] = c * p;
}
