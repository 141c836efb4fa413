/**
 * The two-sample Kolmogorov–Smirnov statistic of samples of equal size n, as a count: n times the largest gap between the two
 * distribution functions. O(n).
 *
 * @param first and @param second sorted, of the same length
 */
export function largestGap(first: ArrayLike<number>, second: ArrayLike<number>): number {
  const n = first.length;
  let i = 0;
  let j = 0;
  let gap = 0;
  while (i < n && j < n) {
    const value = Math.min(first[i]!, second[j]!);
    while (i < n && first[i]! === value) i += 1;
    while (j < n && second[j]! === value) j += 1;
    gap = Math.max(gap, Math.abs(i - j));
  }
  return gap;
}

/**
 * Exact two-sided p-value for samples of equal size n from one continuous distribution: the probability of a gap of at least
 * gap/n. Ties make it too large, never too small.
 *
 * @see W. Feller (1948), Annals of Mathematical Statistics 19:177-189, and J. L. Hodges (1958), Arkiv för Matematik 3:469-486: by
 * reflection, P = 2 Σ (−1)^(k−1) C(2n, n − k·gap)/C(2n, n); here by nested products, as the binomials would overflow.
 */
export function gapPValue(n: number, gap: number): number {
  if (gap === 0) return 1;
  let sum = 0;
  for (let k = Math.floor(n / gap); k >= 0; k -= 1) {
    let product = 1;
    for (let j = 0; j < gap; j += 1) product *= (n - k * gap - j) / (n + k * gap + j + 1);
    sum = product * (1 - sum);
  }
  return Math.min(1, 2 * sum);
}
