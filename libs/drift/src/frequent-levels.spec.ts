import fc from 'fast-check';
import { FrequentLevels } from './frequent-levels.js';
import { levelCounts } from './level-counts.js';

const rows = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', '', null, 1), { maxLength: 60 });

const of = (some: (string | number | null)[], levelsMax: number) => {
  const levels = new FrequentLevels(levelsMax);
  for (const row of some) levels.add(row);
  return levels;
};

describe('FrequentLevels', () => {
  it('merged from partitions counts exactly where memory allows, and else too little by what it says', () => {
    fc.assert(
      fc.property(rows, rows, fc.integer({ min: 1, max: 8 }), (first, second, levelsMax) => {
        const merged = FrequentLevels.of(JSON.parse(JSON.stringify(of(first, levelsMax).state())));
        merged.merge(of(second, levelsMax).state());
        const { levels, missing, error, rows: counted } = merged.state();
        const exact = levelCounts([...first, ...second]);
        expect(missing).toBe(exact.missing);
        expect(levels.length).toBeLessThanOrEqual(levelsMax);
        expect(error).toBeLessThanOrEqual(counted / (levelsMax + 1));
        const found = new Map(levels);
        for (const [level, count] of exact.levels) {
          expect(found.get(level) ?? 0).toBeLessThanOrEqual(count);
          expect(found.get(level) ?? 0).toBeGreaterThanOrEqual(count - error);
        }
        if (exact.levels.length <= levelsMax) expect(new Map(exact.levels)).toEqual(found);
      }),
    );
  });

  it('refuses counts unlike its own', () => {
    expect(() => of([], 3).merge(of([], 4).state())).toThrow(/at most 3 levels/);
    expect(() => new FrequentLevels(0)).toThrow(RangeError);
  });
});
