import { mulberry32 } from '@gyre/learning';
import { unevenRise, type Tally } from './uneven-rise.js';

/** Rows over the bins alike, with errors of these chances. */
function tallies(wrong: readonly number[], rows: number, draw: () => number): Tally[] {
  const found = wrong.map((): Tally => [0, 0]);
  for (let i = 0; i < rows; i++) {
    const bin = Math.floor(draw() * wrong.length);
    found[bin]![0] += 1;
    if (draw() < wrong[bin]!) found[bin]![1] += 1;
  }
  return found;
}

/** Errors that are exponential with these means. */
function sizes(means: readonly number[], rows: number, draw: () => number): Tally[] {
  const found = means.map((): Tally => [0, 0]);
  for (let i = 0; i < rows; i++) {
    const bin = Math.floor(draw() * means.length);
    found[bin]![0] += 1;
    found[bin]![1] -= means[bin]! * Math.log(1 - draw());
  }
  return found;
}

const BEFORE = [0.01, 0.07, 0.3, 0.08, 0.01];

describe('an uneven rise', () => {
  it('is that of some bins alone, and says which', () => {
    const draw = mulberry32(1);
    const then = tallies([0.2, 0.2, 0.2, 0.2, 0.2], 1_500, draw);
    const found = unevenRise(then, tallies([0.2, 0.9, 0.2, 0.9, 0.2], 100, draw), 2);
    expect(found?.pValue).toBeLessThan(1e-4);
    expect(found?.bins).toEqual([1, 3]);
  });

  it('is that of a swapped encoding, in all bins but the one that stays itself', () => {
    const draw = mulberry32(2);
    const found = unevenRise(tallies(BEFORE, 1_500, draw), tallies([0.98, 0.91, 0.26, 0.87, 0.99], 300, draw), 2);
    expect(found?.pValue).toBeLessThan(1e-4);
    expect(found?.bins).toEqual([0, 1, 3, 4]);
  });

  it.each([0.1, 0.5, 1])('is none where the answers turn in a share of %d of all rows', (turned) => {
    const draw = mulberry32(3);
    const after = BEFORE.map((wrong) => wrong + turned * (1 - 2 * wrong));
    let found = 0;
    for (let i = 0; i < 1_000; i++) {
      const one = unevenRise(tallies(BEFORE, 1_500, draw), tallies(after, 30 + (i % 5) * 100, draw), 2);
      if (one !== null && one.pValue < 0.01) found += 1;
    }
    expect(found).toBeLessThanOrEqual(20);
  });

  it('is none of a regression whose errors have all grown by one factor, or by one amount', () => {
    const draw = mulberry32(4);
    const means = [1, 2, 3, 4, 5];
    for (const grown of [means.map((mean) => 2 * mean), means.map((mean) => mean + 3)]) {
      let found = 0;
      for (let i = 0; i < 200; i++) {
        const one = unevenRise(sizes(means, 1_500, draw), sizes(grown, 300, draw), 0);
        if (one !== null && one.pValue < 0.01) found += 1;
      }
      expect(found).toBeLessThanOrEqual(6);
    }
    const some = unevenRise(sizes(means, 1_500, draw), sizes([1, 2, 3, 4, 15], 300, draw), 0);
    expect(some?.pValue).toBeLessThan(1e-4);
    expect(some?.bins).toEqual([4]);
  });

  it('is not asked for where nothing rose, or nothing is known from before', () => {
    const draw = mulberry32(5);
    const then = tallies(BEFORE, 1_500, draw);
    expect(unevenRise(then, tallies([0, 0, 0, 0, 0], 100, draw), 2)).toBeNull();
    expect(unevenRise(tallies(BEFORE, 50, draw), tallies([1, 1, 1, 1, 0], 100, draw), 2)).toBeNull();
  });
});
