/**
 * The mulberry32 generator: equal seeds give equal numbers, everywhere. For drawing rows and features, not for secrets.
 *
 * @param seed taken modulo 2^32
 * @returns a function that gives the next number in [0, 1), a multiple of 2^-32
 * @see Tommy Ettinger, mulberry32 (2017), public domain
 */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Draws `count` of the integers 0..n-1 without replacement into `into`, ascending.
 *
 * @returns how many were written: `count`, at most n
 * @see D. E. Knuth, The Art of Computer Programming, vol. 2, 3.4.2, algorithm S (selection sampling)
 */
export function drawAscending(into: Int32Array, n: number, count: number, random: () => number): number {
  const wanted = Math.min(count, n);
  let drawn = 0;
  for (let i = 0; i < n && drawn < wanted; i++) {
    if (random() * (n - i) < wanted - drawn) into[drawn++] = i;
  }
  return drawn;
}
