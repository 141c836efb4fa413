import { countsWithMissing, psi, psiPValue, psiTest } from './psi.js';
import { mulberry32 } from './mulberry32.js';

function draw(random: () => number, n: number, shares: number[]): number[] {
  const counts = shares.map(() => 0);
  for (let i = 0; i < n; i += 1) {
    let u = random();
    let bin = 0;
    while (bin < shares.length - 1 && u >= shares[bin]!) u -= shares[bin++]!;
    counts[bin]! += 1;
  }
  return counts;
}

const even = Array.from({ length: 10 }, () => 0.1);
const skew = [0.7, 0.2, 0.05, 0.03, 0.01, 0.005, 0.005];

describe('psiTest', () => {
  it.each([
    ['even bins, 20 rows', even, 2000, 20],
    ['even bins, 50 rows', even, 2000, 50],
    ['even bins, 500 rows', even, 2000, 500],
    ['rare bins, 30 rows', skew, 2000, 30],
    ['rare bins, 300 rows', skew, 2000, 300],
    ['a small reference', even, 100, 40],
  ])('alarms at a level of 5 %% in no more than about 5 %% of equal samples: %s', (_, shares, n, m) => {
    const random = mulberry32(3);
    const samples = 1500;
    let alarms = 0;
    for (let i = 0; i < samples; i += 1) {
      if (psiPValue(draw(random, n, shares), draw(random, m, shares)) <= 0.05) alarms += 1;
    }
    expect(alarms / samples).toBeLessThan(0.05 + 2 * Math.sqrt((0.05 * 0.95) / samples));
  });

  it('finds a shift that matters, and agrees with the plain index on large samples', () => {
    const random = mulberry32(4);
    const shifted = [0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.15];
    const reference = draw(random, 5000, even);
    expect(psiPValue(reference, draw(random, 500, shifted))).toBeLessThan(1e-4);
    const current = draw(random, 5000, even);
    const { psi: index, statistic, degreesOfFreedom } = psiTest(reference, current);
    expect(statistic / (index * 2500)).toBeCloseTo(1, 1);
    expect(degreesOfFreedom).toBe(9);
  });

  it('sees a burst of missing values, which have a bin of their own', () => {
    const reference = countsWithMissing({ counts: [500, 500], missing: 0 });
    expect(psiPValue(reference, countsWithMissing({ counts: [45, 45], missing: 10 }))).toBeLessThan(1e-6);
  });

  it('has a stated result for constant samples and bins that are empty on both sides', () => {
    expect(psiTest([0, 8, 0], [0, 3, 0])).toEqual({ psi: 0, statistic: 0, degreesOfFreedom: 0, pValue: 1 });
    expect(psiTest([5, 0, 5], [5, 0, 5])).toMatchObject({ psi: 0, degreesOfFreedom: 1, pValue: 1 });
    // 20,000 rows: the smallest share is at 0.0001 or below, so that zero becomes a millionth of it.
    expect(psi([19999, 1, 0], [19999, 0, 1])).toBeCloseTo(2 * (1 / 20000) * Math.log(1e6), 8);
  });

  it('refuses an empty side and other bins', () => {
    expect(() => psi([0, 0], [1, 1])).toThrow(RangeError);
    expect(() => psi([1, 1], [0, 0])).toThrow(RangeError);
    expect(() => psiTest([1, 1], [1, 1, 1])).toThrow(RangeError);
  });
});
