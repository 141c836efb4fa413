import { findSeason } from './season.js';
import { Mulberry32 } from './mulberry32.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function normals(seed: number): () => number {
  const random = new Mulberry32(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
/** Two columns every half-hour: what `at` says, and noise. */
function sample(rows: number, seed: number, at: (row: number, normal: () => number) => number) {
  const normal = normals(seed);
  const times = Float64Array.from({ length: rows }, (_, row) => row * (HOUR / 2));
  const features = Float64Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? at(i >> 1, normal) : normal()));
  return { times, features };
}

describe('findSeason', () => {
  it.each([
    [
      'a wave of a day, under as much noise',
      DAY,
      (row: number, normal: () => number) => Math.sin((2 * Math.PI * row) / 48) + normal(),
    ],
    ['a saw-tooth of a day', DAY, (row: number) => (row % 48) / 48],
    [
      'a rise of two hours every seven',
      7 * HOUR,
      (row: number, normal: () => number) => (row % 14 < 4 ? 2 : 0) + normal(),
    ],
    [
      'a day with two peaks of unequal height',
      DAY,
      (row: number, normal: () => number) =>
        Math.sin((2 * Math.PI * row) / 24) + 0.6 * Math.sin((2 * Math.PI * row) / 48) + 0.3 * normal(),
    ],
    [
      'a day on top of a trend',
      DAY,
      (row: number, normal: () => number) => row / 200 + Math.sin((2 * Math.PI * row) / 48) + normal(),
    ],
  ])('finds %s', (_, period, at) => {
    const { times, features } = sample(1_500, 5, at);
    const season = findSeason(times, features, 2);
    expect(season?.column).toBe(0);
    expect(Math.abs(season!.period - period)).toBeLessThan(season!.resolution / 2);
    expect(season!.pValue).toBeLessThan(1e-3);
  });

  it('finds it where rows come irregularly and values are missing', () => {
    const normal = normals(3);
    const random = new Mulberry32(4);
    const times = Float64Array.from({ length: 3_000 }, () => random.next() * 30 * DAY).sort();
    const features = Float64Array.from(times, (time) =>
      random.next() < 0.2 ? NaN : Math.cos((2 * Math.PI * time) / DAY) + normal(),
    );
    expect(Math.abs(findSeason(times, features, 1)!.period - DAY)).toBeLessThan(0.02 * DAY);
  });

  it.each([
    ['noise', () => (_: number, normal: () => number) => normal()],
    ['what wanders slowly back (autoregression of 0.95)', () => wandering(0.95)],
    ['a random walk', () => wandering(1)],
    ['a single jump', () => (row: number, normal: () => number) => (row > 700 ? 3 : 0) + normal()],
  ])('finds none in %s: at most one of 100 samples', (_, world) => {
    const found = Array.from({ length: 100 }, (__, seed) => {
      const { times, features } = sample(1_000, seed + 1, world());
      return findSeason(times, features, 2);
    }).filter((season) => season !== null);
    expect(found.length).toBeLessThanOrEqual(1);
  });

  it('says nothing of too few rows, of columns that do not vary, of rows at one time, and of fewer than six cycles', () => {
    const wave = (row: number) => Math.sin((2 * Math.PI * row) / 48);
    expect(findSeason([1, 2, 3], [1, 2, 3], 1)).toBeNull();
    const { times, features } = sample(240, 1, wave);
    expect(findSeason(times, features, 2)).toBeNull();
    expect(findSeason(times, features.fill(7), 2)).toBeNull();
    expect(findSeason(times.fill(3), features, 2)).toBeNull();
    expect(() => findSeason([1, 2], [1], 1)).toThrow(RangeError);
  });
});

function wandering(back: number): (row: number, normal: () => number) => number {
  let value = 0;
  return (_, normal) => (value = back * value + normal());
}
