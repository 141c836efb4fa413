import type { NumericPair } from './numeric-pair.js';

/**
 * The Wasserstein (earth mover's) distance of two samples, in the unit of their values: the area between their distribution functions. O(n).
 *
 * @see L. V. Kantorovich (1942); for its computation, A. Ramdas, N. García Trillos, M. Cuturi (2017), Entropy 19(2):47.
 */
export function wassersteinDistance(pair: NumericPair): number {
  const { values, reference, current } = pair.pooled;
  const n = pair.reference.values.length;
  const m = pair.current.values.length;
  let area = 0;
  for (let row = 0; row + 1 < values.length; row += 1) {
    area += Math.abs(reference[row]! / n - current[row]! / m) * (values[row + 1]! - values[row]!);
  }
  return area;
}

/**
 * The Wasserstein distance in standard deviations (population) of the reference, which do not go below 0.001 so that a constant reference
 * has a distance too. From 0.1 on Evidently calls it drift.
 */
export function normedWassersteinDistance(pair: NumericPair): number {
  const { values } = pair.reference;
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return wassersteinDistance(pair) / Math.max(Math.sqrt(squares / values.length), 0.001);
}

/**
 * The energy distance of two samples, in the root of the unit of their values: √(2 ∫ (F − G)²). O(n).
 *
 * @see G. J. Székely, M. L. Rizzo (2013), Energy Statistics, Journal of Statistical Planning and Inference 143:1249-1272.
 */
export function energyDistance(pair: NumericPair): number {
  const { values, reference, current } = pair.pooled;
  const n = pair.reference.values.length;
  const m = pair.current.values.length;
  let area = 0;
  for (let row = 0; row + 1 < values.length; row += 1) {
    area += (reference[row]! / n - current[row]! / m) ** 2 * (values[row + 1]! - values[row]!);
  }
  return Math.sqrt(2 * area);
}
