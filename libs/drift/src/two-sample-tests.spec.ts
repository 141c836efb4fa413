import fc from 'fast-check';
import { cramerVonMises } from './cramer-von-mises.js';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.js';
import { levelCounts, levelPair } from './level-counts.js';
import { mannWhitney } from './mann-whitney.js';
import { mulberry32 } from './mulberry32.js';
import { NumericPair } from './numeric-pair.js';
import { sorted } from './radix-sort.js';
import { gauss } from './stream-recipe.js';
import { twoSampleTest, twoSampleTests, type TwoSampleTestName } from './two-sample-tests.js';

const names = Object.keys(twoSampleTests) as TwoSampleTestName[];
const numeric = names.filter((name) => twoSampleTest(name).numeric !== undefined);
const categorical = names.filter((name) => twoSampleTest(name).categorical !== undefined);

/** Few values, so that ties, constants and separated samples are common; and some of every magnitude. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 1, arbitrary: fc.double({ min: -1e100, max: 1e100, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(5e-324, -1e-200, 1e-170, 1e100, -1e100, 0.1, -0) },
);
const numbers = fc.array(fc.option(value, { freq: 8 }), { maxLength: 12 });
const levels = fc.array(fc.option(fc.constantFrom('', 'a', 'b', '__proto__', 'null', 7, true)), { maxLength: 12 });

describe('two-sample tests', () => {
  it.each(numeric)('%s of numbers has a result or says why not, and never NaN', (name) => {
    fc.assert(
      fc.property(numbers, numbers, (reference, current) => {
        resultOrRangeError(() => twoSampleTest(name).numeric!(NumericPair.of(reference, current)));
      }),
    );
  });

  it.each(categorical)('%s of levels has a result or says why not, and never NaN', (name) => {
    fc.assert(
      fc.property(levels, levels, (reference, current) => {
        resultOrRangeError(() =>
          twoSampleTest(name).categorical!(levelPair(levelCounts(reference), levelCounts(current))),
        );
      }),
    );
  });

  // Which sizes are defined: all but these.
  const pairsOfValues: TwoSampleTestName[] = ['cramer-von-mises', 'welch', 'mmd'];
  it.each(numeric)('%s is defined for two values a side that differ', (name) => {
    expect(() => twoSampleTest(name).numeric!(NumericPair.of([1, 2], [2, 3]))).not.toThrow();
    const single = () => twoSampleTest(name).numeric!(NumericPair.of([1], [2]));
    if (pairsOfValues.includes(name) || name === 'anderson-darling') expect(single).toThrow(/at least/);
    else expect(single).not.toThrow();
  });

  it('refuse samples without a value and infinite values', () => {
    expect(() => NumericPair.of([null, NaN], [1])).toThrow(/at least one value among its 2 rows/);
    expect(() => NumericPair.of([1], [1, Infinity])).toThrow(/Infinity in row 1/);
    expect(() => levelPair(levelCounts([null]), levelCounts(['a']))).toThrow(/at least one row with a level/);
    expect(() => twoSampleTest('toString')).toThrow(/is one of psi, .*two-proportions, got toString/);
  });

  const tests = numeric.filter(
    (name) => twoSampleTest(name).numeric!(NumericPair.of([1, 2, 3], [2, 3, 5])).pValue !== null,
  );
  it.each(tests)('%s finds a shift of half a deviation and holds its level without one', (name) => {
    const random = mulberry32(11);
    const sample = (mean: number) => Array.from({ length: 120 }, () => gauss(random, mean, 1));
    const p = (shift: number) => twoSampleTest(name).numeric!(NumericPair.of(sample(0), sample(shift))).pValue!;
    const rounds = name === 'mmd' ? 20 : 200;
    const rejected = (shift: number) =>
      Array.from({ length: rounds }, () => p(shift)).filter((one) => one <= 0.05).length;
    expect(rejected(0)).toBeLessThanOrEqual(0.1 * rounds);
    expect(rejected(0.5)).toBeGreaterThanOrEqual(0.5 * rounds);
  });

  it('count levels of one text as one, missing rows apart and new and vanished levels by name', () => {
    const reference = levelCounts(['a', 'b', null, '1', 1]);
    expect(reference).toEqual({
      levels: [
        ['a', 1],
        ['b', 1],
        ['1', 2],
      ],
      missing: 1,
    });
    expect(levelPair(reference, levelCounts(['b', 'c', NaN]))).toEqual({
      levels: ['1', 'a', 'b', 'c'],
      reference: [2, 1, 1, 0],
      current: [0, 0, 1, 1],
      newLevels: ['c'],
      vanishedLevels: ['1', 'a'],
    });
  });

  it('see a constant that moved', () => {
    const pair = NumericPair.of([3, 3, 3, 3, 3, 3], [4, 4, 4, 4, 4, 4, 4]);
    for (const name of ['psi', 'hellinger', 'ks', 'wasserstein', 'energy', 'mann-whitney', 'welch'] as const) {
      const { statistic, pValue } = twoSampleTest(name).numeric!(pair);
      expect(pValue === null ? Math.abs(statistic) > 0.5 : pValue < 0.01).toBe(true);
    }
  });
});

describe('p-values of few values', () => {
  const pair = (reference: number[], current: number[]) => NumericPair.of(reference, current);

  it('are those of scipy 1.17 where halves are to be rounded', () => {
    const [a, b] = [pair([1, 2, 3, 4, 5], [2.5, 3.5, 6, 7, 8]), pair([1, 2, 3], [4, 5, 6])];
    expect(kolmogorovSmirnov(a, 'asymptotic').pValue).toBeCloseTo(0.32, 14);
    expect(kolmogorovSmirnov(b, 'asymptotic').pValue).toBe(0);
    const tied = pair([1, 2, 3, 4, 5, 6, 7], [1, 3, 3.5, 8, 9, 10, 11]);
    expect(mannWhitney(tied, 'exact')).toMatchObject({ statistic: 15 });
    expect(mannWhitney(tied, 'exact').pValue).toBeCloseTo(0.25932400932400934, 14);
    const half = pair([1, 2, 3, 4, 5, 6, 7], [1, 3.5, 4.5, 8, 9, 10, 11]);
    expect(mannWhitney(half, 'exact').pValue).toBeCloseTo(0.20862470862470864, 14);
  });

  it('are 1 where there is but one value', () => {
    expect(cramerVonMises(pair([1, 1, 1, 1], [1, 1, 1]))).toMatchObject({ pValue: 1 });
  });

  it('say nothing of one value a side', () => {
    expect(kolmogorovSmirnov(pair([1], [2]), 'asymptotic').pValue).toBe(1);
  });
});

describe('sorted', () => {
  it('sorts as the engine does, whatever the magnitudes and signs', () => {
    const random = mulberry32(5);
    for (const scale of [1, 1e-300, 1e300, 0]) {
      const values = Float64Array.from({ length: 3000 }, (_, i) => (i % 7 === 0 ? -0 : (random() - 0.5) * scale));
      values.set([Infinity, -Infinity, 5e-324, -5e-324], 100);
      expect(Array.from(sorted(values.slice()))).toEqual(Array.from(values.slice().sort()));
    }
  });
});

function resultOrRangeError(run: () => { statistic: number; pValue: number | null }): void {
  let result;
  try {
    result = run();
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).not.toMatch(/NaN|undefined/);
    return;
  }
  expect(result.statistic).not.toBeNaN();
  if (result.pValue === null) return;
  expect(result.pValue).toBeGreaterThanOrEqual(0);
  expect(result.pValue).toBeLessThanOrEqual(1);
}
