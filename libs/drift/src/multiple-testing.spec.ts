import fc from 'fast-check';
import { benjaminiHochberg, bonferroni, holm } from './multiple-testing.js';

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }));

describe('corrections for many tests', () => {
  it('never make a p-value smaller, and Holm lies between Benjamini-Hochberg and Bonferroni', () => {
    fc.assert(
      fc.property(pValues, (raw) => {
        const [discovery, stepwise, simple] = [benjaminiHochberg(raw), holm(raw), bonferroni(raw)];
        raw.forEach((p, i) => {
          expect(discovery[i]).toBeGreaterThanOrEqual(p * (1 - 1e-12));
          expect(stepwise[i]).toBeGreaterThanOrEqual(discovery[i]! * (1 - 1e-12));
          expect(simple[i]).toBeGreaterThanOrEqual(stepwise[i]!);
        });
      }),
    );
  });

  it('refuse what is no probability', () => {
    for (const correct of [benjaminiHochberg, holm, bonferroni]) {
      expect(correct([])).toEqual([]);
      for (const p of [-0.1, 1.1, NaN]) expect(() => correct([0.5, p])).toThrow(RangeError);
    }
  });
});
