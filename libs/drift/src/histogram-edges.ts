import type { NumericPair } from './numeric-pair.js';
import { requireOption } from './detector.js';

/**
 * Edges of bins of equal width from the smallest to the largest value of both samples together, both ends included: `bins + 1` numbers. Two
 * samples of one value have one bin, half a unit to either side of it.
 *
 * @param bins an integer of at least 1, or `sturges` for log₂ of all rows, plus one, rounded up
 */
export function equalWidthEdges(pair: NumericPair, bins: number | 'sturges' = 10): number[] {
  const [first, second] = [pair.reference.values, pair.current.values];
  const smallest = Math.min(first[0]!, second[0]!);
  const largest = Math.max(first.at(-1)!, second.at(-1)!);
  return equalWidths(smallest, largest, bins === 'sturges' ? sturges(first.length + second.length) : bins);
}

/** Sturges' edges over the distinct values of both samples: Evidently's, for the Hellinger distance. */
export function distinctSturgesEdges(pair: NumericPair): number[] {
  const { values } = pair.pooled;
  return equalWidths(values[0]!, values.at(-1)!, sturges(values.length));
}

/**
 * How many of a sample's values lie in each bin, edges[i] <= value < edges[i + 1]; the last bin has its right edge too, and what lies outside goes
 * to the first or last. O(bins log n).
 *
 * @param values rising
 * @param edges rising, at least two
 */
export function countBetween(edges: readonly number[], values: Float64Array): number[] {
  const counts: number[] = [];
  let below = 0;
  for (let i = 1; i < edges.length - 1; i += 1) {
    const upTo = firstNotBelow(values, edges[i]!);
    counts.push(upTo - below);
    below = upTo;
  }
  counts.push(values.length - below);
  return counts;
}

/** The place of the first value that is at least `bound`; the length if there is none. */
function firstNotBelow(values: Float64Array, bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sturges(rows: number): number {
  return Math.ceil(Math.log2(rows) + 1);
}

/** As numpy's linspace has them: in the last digit they decide on which side of an edge a value falls. */
function equalWidths(smallest: number, largest: number, bins: number): number[] {
  requireOption(Number.isInteger(bins) && bins >= 1, 'there is at least one bin', bins);
  if (smallest === largest) return [smallest - 0.5, smallest + 0.5];
  const step = (largest - smallest) / bins;
  return Array.from({ length: bins + 1 }, (_, i) => (i === bins ? largest : i * step + smallest));
}
