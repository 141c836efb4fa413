import { evenlySpread } from './evenly-spread.js';
import { Mulberry32 } from './mulberry32.js';

export interface MaximumMeanDiscrepancy {
  /** Width of the kernel. */
  sigma: number;
  /** MMD² as a V-statistic, at least 0, and as a U-statistic, whose mean is 0 when nothing changed. */
  biased: number;
  unbiased: number;
}

/** Rows of one sample, each of the same width. */
type Rows = readonly ArrayLike<number>[];

/**
 * The squared maximum mean discrepancy of two samples of vectors, with the kernel exp(−|x − y|²/(2σ²)): any difference of their joint
 * distribution. O((n + m)² width), so thin large samples first; see `mmdTest`.
 *
 * @param sigma by default the root of the median of all squared distances between two rows of both samples together
 * @throws RangeError unless each side has two rows, all are of one width with finite values, and not all rows are the same (or σ is given)
 * @see A. Gretton et al. (2012), A Kernel Two-Sample Test, Journal of Machine Learning Research 13:723-773, lemma 6 and section 8.
 */
export function maximumMeanDiscrepancy(reference: Rows, current: Rows, sigma?: number): MaximumMeanDiscrepancy {
  const distances = squaredDistances(reference, current);
  const width = sigma ?? medianDistance(distances, reference.length + current.length);
  if (!(width > 0 && width < Infinity)) throw new RangeError(`MMD: sigma is above 0, got ${width}`);
  const kernel = distances.map((square) => Math.exp(-square / (2 * width * width)));
  const order = Int32Array.from({ length: reference.length + current.length }, (_, i) => i);
  return { sigma: width, ...discrepancy(kernel, order, reference.length) };
}

export interface MmdTestOptions {
  /** By default the median distance. */
  sigma?: number;
  /** Each side is thinned to so many rows, evenly spread; default 250. */
  rowsMax?: number;
  /** Shuffles of the rows over the two samples; default 199, so that the smallest p-value is 0.005. */
  permutations?: number;
  /** Seed of the shuffles, an unsigned 32-bit integer. */
  seed?: number;
}

/**
 * MMD with a p-value by permutation: the share of shuffles (the observed one among them) whose biased MMD² is as large.
 *
 * @throws RangeError as `maximumMeanDiscrepancy` does
 */
export function mmdTest(
  reference: Rows,
  current: Rows,
  { sigma, rowsMax = 250, permutations = 199, seed = 1 }: MmdTestOptions = {},
): MaximumMeanDiscrepancy & { pValue: number } {
  const [first, second] = [thinned(reference, rowsMax), thinned(current, rowsMax)];
  const distances = squaredDistances(first, second);
  const all = first.length + second.length;
  const width = sigma ?? medianDistance(distances, all);
  if (!(width > 0 && width < Infinity)) throw new RangeError(`MMD: sigma is above 0, got ${width}`);
  const kernel = distances.map((square) => Math.exp(-square / (2 * width * width)));
  const order = Int32Array.from({ length: all }, (_, i) => i);
  const observed = discrepancy(kernel, order, first.length);
  const random = new Mulberry32(seed);
  let asLarge = 1;
  for (let round = 0; round < permutations; round += 1) {
    for (let i = all - 1; i > 0; i -= 1) {
      const j = Math.floor(random.next() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    if (discrepancy(kernel, order, first.length).biased >= observed.biased - 1e-12) asLarge += 1;
  }
  return { sigma: width, ...observed, pValue: asLarge / (permutations + 1) };
}

function squaredDistances(reference: Rows, current: Rows): Float64Array {
  if (reference.length < 2 || current.length < 2) {
    throw new RangeError(`MMD takes at least 2 rows a side, got ${reference.length} and ${current.length}`);
  }
  const rows = [...reference, ...current];
  const width = rows[0]!.length;
  rows.forEach((row, i) => {
    if (row.length !== width) throw new RangeError(`MMD: rows have ${width} values, row ${i} has ${row.length}`);
    for (let f = 0; f < width; f += 1) {
      if (!Number.isFinite(row[f])) throw new RangeError(`MMD takes finite values, got ${row[f]} in row ${i}`);
    }
  });
  const squares = new Float64Array(rows.length * rows.length);
  for (let i = 0; i < rows.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      let square = 0;
      for (let f = 0; f < width; f += 1) square += (rows[i]![f]! - rows[j]![f]!) ** 2;
      squares[i * rows.length + j] = square;
      squares[j * rows.length + i] = square;
    }
  }
  return squares;
}

function medianDistance(squares: Float64Array, rows: number): number {
  const pairs = new Float64Array((rows * (rows - 1)) / 2);
  for (let i = 0, at = 0; i < rows; i += 1) for (let j = 0; j < i; j += 1) pairs[at++] = squares[i * rows + j]!;
  pairs.sort();
  const middle = pairs.length >> 1;
  const median = pairs.length % 2 === 1 ? pairs[middle]! : (pairs[middle - 1]! + pairs[middle]!) / 2;
  // Where most rows are the same the median is 0 and says nothing of the others.
  const width = median > 0 ? median : pairs.reduce((sum, square) => sum + square, 0) / pairs.length;
  if (width === 0) throw new RangeError('MMD: all rows are the same; there is nothing to compare');
  return Math.sqrt(width);
}

/** @param order which row stands where: the first n make up the first sample */
function discrepancy(kernel: Float64Array, order: Int32Array, n: number): { biased: number; unbiased: number } {
  const all = order.length;
  const m = all - n;
  let within = 0;
  let other = 0;
  let across = 0;
  for (let i = 0; i < all; i += 1) {
    const row = order[i]! * all;
    for (let j = 0; j < i; j += 1) {
      const value = kernel[row + order[j]!]!;
      if (i < n) within += value;
      else if (j >= n) other += value;
      else across += value;
    }
  }
  const between = (2 * across) / (n * m);
  return {
    biased: (2 * within + n) / (n * n) + (2 * other + m) / (m * m) - between,
    unbiased: (2 * within) / (n * (n - 1)) + (2 * other) / (m * (m - 1)) - between,
  };
}

function thinned(rows: Rows, rowsMax: number): Rows {
  return evenlySpread(rows.length, rowsMax).map((row) => rows[row]!);
}
