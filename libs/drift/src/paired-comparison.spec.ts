import fc from 'fast-check';
import { PairedComparison, type PairedComparisonOptions } from './paired-comparison.js';
import { mulberry32 } from './mulberry32.js';
import { gauss } from './stream-recipe.js';

/** Draws a pair of losses in [0, 1] given the sum of the differences so far and the last one, and says what difference was to be expected. */
type World = (random: () => number, sum: number, last: number) => { losses: [number, number]; expected: number };

const split = (difference: number): [number, number] => [0.5 + difference / 2, 0.5 - difference / 2];
const worlds: Record<string, World> = {
  'equal classifiers that disagree on a tenth': (random) => {
    const u = random();
    return { losses: u < 0.05 ? [1, 0] : u < 0.1 ? [0, 1] : [0, 0], expected: 0 };
  },
  'rare large losses against frequent small ones': (random) => ({
    losses: random() < 0.02 ? [0.98, 0] : [0, 0.02],
    expected: 0.02 * 0.98 - 0.98 * 0.02,
  }),
  'wide differences': (random) => ({ losses: split(random() < 0.5 ? 1 : -1), expected: 0 }),
  'a variance that follows the size of the last difference': (random, _, last) => {
    const size = Math.min(1, 0.05 + Math.abs(last) * (random() < 0.5 ? 1.6 : 0.3));
    return { losses: split(random() < 0.5 ? size : -size), expected: 0 };
  },
  'a variance that grows when the sum is high, as if to cross on purpose': (random, sum) => {
    const size = sum > 0 ? 0.9 : 0.1;
    return { losses: split(random() < 0.5 ? size : -size), expected: 0 };
  },
  'a mean that leans the way of the last difference': (random, _, last) => {
    const expected = 0.2 * Math.sign(last);
    return { losses: split(random() < 0.5 + expected / 2 ? 1 : -1), expected };
  },
};

const bounds = ['empirical-bernstein', 'asymptotic'] as const;

/**
 * Of 300 streams of 2,000 pairs, looked at after each of the first 100 pairs and then after every tenth, the share that ever
 * misses the mean expected difference, for each bound.
 */
function everMisses(world: World, alpha: number): number[] {
  const streams = 300;
  const missed = bounds.map(() => 0);
  for (let seed = 1; seed <= streams; seed += 1) {
    const random = mulberry32(seed * 7919);
    const comparisons = bounds.map((bound) => new PairedComparison({ alpha, lossBound: 1, bound }));
    const misses = bounds.map(() => false);
    let last = 0;
    let sum = 0;
    let expectedSum = 0;
    for (let i = 1; i <= 2000; i += 1) {
      const { losses, expected } = world(random, sum, last);
      last = losses[0] - losses[1];
      sum += last;
      expectedSum += expected;
      comparisons.forEach((comparison, which) => {
        comparison.update(...losses);
        if (i > 100 && i % 10 !== 0) return;
        const { lower, upper } = comparison.interval();
        if (expectedSum / i < lower - 1e-12 || expectedSum / i > upper + 1e-12) misses[which] = true;
      });
    }
    misses.forEach((miss, which) => (missed[which]! += miss ? 1 : 0));
  }
  return missed.map((count) => count / streams);
}

/** Pairs until the interval excludes 0, for a challenger that is better by `mean` with a standard deviation; median of 101. */
function pairsToFind(mean: number, sd: number, options: Partial<PairedComparisonOptions>): number {
  const found = Array.from({ length: 101 }, (_, seed) => {
    const random = mulberry32(seed + 1);
    const comparison = new PairedComparison({ alpha: 0.05, lossBound: 1, ...options });
    do comparison.update(...split(gauss(random, mean, sd)));
    while (comparison.interval().lower <= 0);
    return comparison.interval().pairs;
  });
  return found.sort((a, b) => a - b)[50]!;
}

describe('PairedComparison', () => {
  it.each(Object.entries(worlds))('misses in at most alpha of the streams, whenever one looks: %s', (_, world) => {
    const [finite, asymptotic] = everMisses(world, 0.1);
    expect(finite).toBeLessThanOrEqual(0.1);
    expect(asymptotic).toBeLessThanOrEqual(0.1); // No guarantee, but so it is in these worlds.
  });

  it('finds a difference of 0.05 with a standard deviation of 0.3 in the promised number of pairs', () => {
    expect(pairsToFind(0.05, 0.3, { bound: 'empirical-bernstein' })).toBeLessThan(450);
    expect(pairsToFind(0.05, 0.3, { bound: 'asymptotic' })).toBeLessThan(300);
  });

  it('says which way: positive when the challenger loses less', () => {
    const comparison = new PairedComparison({ alpha: 0.05, lossBound: 1 });
    expect(comparison.interval()).toEqual({ pairs: 0, mean: 0, lower: -1, upper: 1 });
    for (let i = 0; i < 200; i += 1) comparison.update(0.9, 0.2);
    const { pairs, mean, lower, upper } = comparison.interval();
    expect(pairs).toBe(200);
    expect(mean).toBeCloseTo(0.7, 12);
    expect(lower).toBeGreaterThan(0.5);
    expect(upper).toBeLessThan(0.9);
  });

  it('clips losses to the bound, infinite ones too, and keeps the unit of the loss', () => {
    const clipped = new PairedComparison({ alpha: 0.05, lossBound: 4 });
    const within = new PairedComparison({ alpha: 0.05, lossBound: 1 });
    for (let i = 0; i < 50; i += 1) {
      clipped.update(Infinity, -3);
      within.update(1, 0);
    }
    expect(clipped.interval().lower).toBeCloseTo(4 * within.interval().lower, 12);
  });

  it('goes on from a restored state as if it had never stopped, and refuses what is no loss', () => {
    const losses = fc.array(
      fc.tuple(fc.double({ min: -1, max: 5, noNaN: true }), fc.double({ min: -1, max: 5, noNaN: true })),
    );
    const create = () => new PairedComparison({ alpha: 0.05, lossBound: 2 });
    fc.assert(
      fc.property(losses, losses, (before, after) => {
        const uninterrupted = create();
        before.forEach((pair) => uninterrupted.update(...pair));
        const resumed = create();
        resumed.update(1, 0);
        resumed.restore(JSON.parse(JSON.stringify(uninterrupted.state())) as ReturnType<PairedComparison['state']>);
        expect(() => resumed.update(NaN, 1)).toThrow(RangeError);
        for (const comparison of [uninterrupted, resumed]) after.forEach((pair) => comparison.update(...pair));
        expect(resumed.interval()).toEqual(uninterrupted.interval());
        expect(resumed.state()).toEqual(uninterrupted.state());
      }),
    );
    expect(() => create().restore({ pairs: 1, sum: 5, squares: 1 })).toThrow(RangeError);
    expect(() => new PairedComparison({ alpha: 0, lossBound: 1 })).toThrow(RangeError);
    expect(() => new PairedComparison({ alpha: 0.05, lossBound: Infinity })).toThrow(RangeError);
  });
});
