import fc from 'fast-check';
import { QuantileSketch } from './quantile-sketch.js';

const values = fc.array(
  fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, -1, 5e-324, -5e-324, 1.7e308, -1.7e308, null),
    fc.integer({ min: -5, max: 5 }),
  ),
  { maxLength: 60 },
);

const of = (rows: (number | null)[], bucketsMax = 2048) => {
  const sketch = new QuantileSketch({ relativeAccuracy: 0.02, bucketsMax });
  for (const row of rows) sketch.add(row);
  return sketch;
};

describe('QuantileSketch', () => {
  it('answers every quantile within the accuracy that it states, however few buckets it may keep', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 4, max: 30 }), (rows, bucketsMax) => {
        const sketch = of(rows, bucketsMax);
        const sorted = rows.filter((row) => row !== null).sort((a, b) => a - b);
        expect([sketch.count, sketch.missing]).toEqual([sorted.length, rows.length - sorted.length]);
        expect([sketch.min, sketch.max]).toEqual(
          sorted.length === 0 ? [null, null] : [sorted[0]! + 0, sorted.at(-1)! + 0],
        );
        const { positive, negative } = sketch.state();
        expect(positive.length + negative.length).toBeLessThanOrEqual(bucketsMax);
        for (const q of [0, 0.1, 0.5, 0.77, 1]) {
          const found = sketch.quantile(q);
          if (sorted.length === 0) expect(found).toBeNull();
          else {
            const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
            expect(Math.abs(found! / 2 - exact / 2)).toBeLessThanOrEqual(
              (sketch.relativeAccuracy / 2) * Math.abs(exact) * (1 + 1e-9) + 5e-324,
            );
          }
        }
      }),
    );
  });

  it('merged from partitions, saved and restored between, is the sketch of all rows', () => {
    fc.assert(
      fc.property(values, values, values, fc.integer({ min: 4, max: 30 }), (a, b, c, bucketsMax) => {
        const merged = of(a, bucketsMax);
        merged.merge(of(b, bucketsMax).state());
        const restored = QuantileSketch.of(JSON.parse(JSON.stringify(merged.state())));
        restored.merge(JSON.parse(JSON.stringify(of(c, bucketsMax).state())));
        const { sum: _, ...whole } = of([...a, ...b, ...c], bucketsMax).state();
        const { sum: _sum, ...state } = restored.state();
        expect(state).toEqual(whole);
      }),
    );
  });

  it('counts between edges what lies between them', () => {
    const sketch = of([-3, -1, -1, 0, 0, 2, 5, 9, null]);
    expect(sketch.countsBetween([-2, 0, 3])).toEqual([1, 2, 3, 2]);
    expect(sketch.countsBetween([])).toEqual([8]);
  });

  it('refuses what it cannot hold and sketches unlike itself', () => {
    const sketch = of([1]);
    expect(() => sketch.add(Infinity)).toThrow(/finite/);
    expect(() => sketch.merge(new QuantileSketch().state())).toThrow(/accuracy 0.02 and 2048 buckets/);
    expect(() => sketch.quantile(1.5)).toThrow(/\[0, 1\]/);
    expect(() => new QuantileSketch({ relativeAccuracy: 0 })).toThrow(RangeError);
    expect(sketch.count).toBe(1);
  });
});
