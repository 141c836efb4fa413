import { requireOption } from './detector.js';

/**
 * What a feature looked like in the training data, as plain JSON: bin i holds edges[i − 1] <= value < edges[i]; the first bin is
 * open below and the last above, so that every finite number has its bin. Missing values (null, undefined, NaN) are counted apart.
 */
export interface ReferenceBins {
  /** Rising; one fewer than there are bins. */
  edges: number[];
  /** Reference rows in each bin. */
  counts: number[];
  /** Reference rows without a value. */
  missing: number;
}

export interface BinningOptions {
  /** Bins asked for where the feature is continuous; an integer of at least 2, default 10. */
  bins?: number;
  /** A feature with at most so many distinct values gets a bin for each of them; default 20, as Evidently has it. */
  distinctMax?: number;
}

/**
 * Bins of equal content from a training sample.
 *
 * A continuous feature gets quantile bins. A value that several quantiles fall on (many zeros, say) gets a bin of its own, and a
 * feature with few distinct values one for each, with the gaps between them as further bins, in which the reference has
 * nothing: a value never seen in training is then seen to be new.
 *
 * @param sample finite numbers, infinities, and null, undefined or NaN for missing
 * @throws RangeError if the sample has no row, or an option makes no sense
 */
export function referenceBins(
  sample: Iterable<number | null | undefined>,
  options: BinningOptions = {},
): ReferenceBins {
  const { bins = 10, distinctMax = 20 } = options;
  requireOption(Number.isInteger(bins) && bins >= 2, 'referenceBins: bins is an integer of at least 2', bins);
  const rows = [...sample];
  requireOption(rows.length > 0, 'referenceBins: a reference has at least one row', rows.length);
  const values = Float64Array.from(rows.filter(isPresent)).sort();
  const distinct = [...new Set(values)];
  const edges = new Set<number>();
  if (distinct.length <= distinctMax) {
    for (const value of distinct) addSpike(edges, value);
  } else {
    const cuts = Array.from({ length: bins + 1 }, (_, i) => quantile(values, share(i, bins)));
    cuts.forEach((cut, i) => {
      if (cut === cuts[i + 1]) addSpike(edges, cut);
      else if (i > 0 && i < bins) edges.add(cut);
    });
  }
  const sorted = [...edges].filter(Number.isFinite).sort((a, b) => a - b);
  return { edges: sorted, counts: countInBins(sorted, values), missing: rows.length - values.length };
}

/**
 * The distinct q-quantiles of a sample at 0, 1/bins, …, 1, by linear interpolation (numpy's default).
 *
 * @param values at least one number, none of them NaN
 */
export function quantileEdges(values: Iterable<number>, bins: number): number[] {
  return sortedQuantileEdges(Float64Array.from(values).sort(), bins);
}

/** The same of values that are rising already. O(bins). */
export function sortedQuantileEdges(sorted: Float64Array, bins: number): number[] {
  return [...new Set(Array.from({ length: bins + 1 }, (_, i) => quantile(sorted, share(i, bins))))];
}

/** How many of the values lie in each bin; the edges are inner ones, as in `ReferenceBins`. */
function countInBins(edges: readonly number[], values: Iterable<number>): number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0);
  for (const value of values) counts[binOf(edges, value)]! += 1;
  return counts;
}

/** The bin of a value: the number of edges at or below it. */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a row has a value; null, undefined and NaN are missing. */
export function isPresent(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && !Number.isNaN(value);
}

/** Edges around one value alone. */
function addSpike(edges: Set<number>, value: number): void {
  edges.add(value);
  edges.add(value + Math.max(Math.abs(value) * Number.EPSILON, Number.MIN_VALUE));
}

/** i/bins as numpy's linspace has it: in the last digit it decides on which side of an edge a row of the sample falls. */
function share(i: number, bins: number): number {
  return i === bins ? 1 : i * (1 / bins);
}

function quantile(sorted: Float64Array, at: number): number {
  const position = at * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  const part = position - below;
  if (low === high) return low;
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}
