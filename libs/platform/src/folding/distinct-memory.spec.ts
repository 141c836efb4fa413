import fc from 'fast-check';
import { DistinctMemory } from './distinct-memory.js';

describe('DistinctMemory', () => {
  it('knows the ids of the last events, however they are cut into batches, some of which are begun again', () => {
    const id = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { nil: undefined });
    const batch = fc.record({ ids: fc.array(id, { maxLength: 8 }), reverted: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(batch, { maxLength: 12 }), (within, batches) => {
        const memory = new DistinctMemory(within);
        let model: (string | undefined)[] = [];
        for (const { ids, reverted } of batches) {
          const before = model;
          for (const each of ids) {
            for (const asked of ['a', 'b', 'c', 'd', 'e'])
              expect(memory.has(asked)).toBe(model.slice(-within).includes(asked));
            memory.add(each);
            model = [...model, each];
          }
          if (reverted) model = before;
          if (reverted) memory.revert();
          else memory.keep();
        }
      }),
      { numRuns: 300 },
    );
  });
});
