/** All rows of a vector of counts. @throws RangeError unless counts are finite and at least 0, and some are above */
export function totalOf(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i += 1) {
    if (!(counts[i]! >= 0 && counts[i]! < Infinity)) throw new RangeError(`a count is at least 0, got ${counts[i]}`);
    sum += counts[i]!;
  }
  if (sum === 0) throw new RangeError('a sample has at least one row, got counts of 0');
  return sum;
}

/** What share of all rows each count is. */
export function sharesOf(counts: ArrayLike<number>): number[] {
  const all = totalOf(counts);
  return Array.from(counts, (count) => count / all);
}

/**
 * Shares in which none is 0: an empty bin gets 0.0001, or a millionth of the smallest other share if that is at or below 0.0001 (as Evidently
 * has it). They are not scaled back to a sum of 1.
 */
export function sharesAboveZero(counts: ArrayLike<number>, forZero?: number): number[] {
  const shares = sharesOf(counts);
  let smallest = Infinity;
  for (const share of shares) if (share > 0 && share < smallest) smallest = share;
  const instead = forZero ?? (smallest <= 0.0001 ? smallest / 1e6 : 0.0001);
  return shares.map((share) => (share === 0 ? instead : share));
}

/** @throws RangeError unless two vectors of counts are over the same bins or levels, as far as their lengths tell */
export function requireSameLength(reference: ArrayLike<number>, current: ArrayLike<number>): void {
  if (reference.length !== current.length) {
    throw new RangeError(`both sides count the same bins, got ${reference.length} and ${current.length}`);
  }
}
