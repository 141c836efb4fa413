import { requireSameLength, sharesAboveZero, sharesOf } from './shares.js';

/*
 * Distances of two vectors of counts over the same bins or levels. Each throws RangeError if a side is empty or the lengths differ. All but the
 * plain Kullback–Leibler divergence are finite for whatever counts.
 */

/**
 * The Kullback–Leibler divergence Σ p ln(p/q) of the current shares q from the reference's p, in nats. Empty bins get a small share, see
 * `sharesAboveZero`, and the shares are scaled back to 1.
 */
export function klDivergence(reference: ArrayLike<number>, current: ArrayLike<number>, forZero?: number): number {
  requireSameLength(reference, current);
  return relativeEntropy(scaled(sharesAboveZero(reference, forZero)), scaled(sharesAboveZero(current, forZero)));
}

/** The same with empty bins left empty: Infinity where the current sample lacks what the reference has. */
export function plainKlDivergence(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  requireSameLength(reference, current);
  return relativeEntropy(sharesOf(reference), sharesOf(current));
}

/**
 * The Jensen–Shannon divergence: the mean divergence of both sides from their mean; in nats, or in bits to the base 2, where it is at most 1.
 *
 * @see J. Lin (1991), Divergence Measures Based on the Shannon Entropy, IEEE Transactions on Information Theory 37:145-151.
 */
export function jensenShannonDivergence(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  base: 'e' | 2 = 'e',
): number {
  requireSameLength(reference, current);
  const [p, q] = [sharesOf(reference), sharesOf(current)];
  const mean = p.map((share, i) => (share + q[i]!) / 2);
  const nats = Math.max(0, (relativeEntropy(p, mean) + relativeEntropy(q, mean)) / 2);
  return base === 2 ? nats / Math.LN2 : nats;
}

/** The root of the Jensen–Shannon divergence, which is a metric. */
export function jensenShannonDistance(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  base: 'e' | 2 = 'e',
): number {
  return Math.sqrt(jensenShannonDivergence(reference, current, base));
}

/** The Hellinger distance √(1 − Σ √(pq)), from 0 to 1. */
export function hellingerDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  requireSameLength(reference, current);
  const [p, q] = [sharesOf(reference), sharesOf(current)];
  let overlap = 0;
  for (let i = 0; i < p.length; i += 1) overlap += Math.sqrt(p[i]! * q[i]!);
  return Math.sqrt(Math.max(0, 1 - overlap));
}

/** The total variation distance Σ |p − q| / 2: the largest difference in the probability of any set of bins, from 0 to 1. */
export function totalVariation(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  requireSameLength(reference, current);
  const [p, q] = [sharesOf(reference), sharesOf(current)];
  let sum = 0;
  for (let i = 0; i < p.length; i += 1) sum += Math.abs(p[i]! - q[i]!);
  return sum / 2;
}

function relativeEntropy(p: readonly number[], q: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < p.length; i += 1) if (p[i]! > 0) sum += p[i]! * Math.log(p[i]! / q[i]!);
  return sum;
}

function scaled(shares: number[]): number[] {
  const sum = shares.reduce((whole, share) => whole + share, 0);
  return shares.map((share) => share / sum);
}
