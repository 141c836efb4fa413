import fc from 'fast-check';
import { waves } from './waves.js';

describe('waves', () => {
  it('keep all rows in order, no entity twice, and are as long as possible', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6)), (entities) => {
        const rows = entities.map((entity, row) => ({ entity: `e${entity}`, row }));
        const cut = waves(rows);
        expect(cut.flat()).toEqual(rows);
        for (const [i, wave] of cut.entries()) {
          const seen = new Set(wave.map(({ entity }) => entity));
          expect(seen.size).toBe(wave.length);
          const next = cut[i + 1]?.[0];
          if (next !== undefined) expect(seen.has(next.entity)).toBe(true);
        }
      }),
    );
  });
});
