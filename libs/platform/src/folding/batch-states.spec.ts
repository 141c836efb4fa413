import fc from 'fast-check';
import { BatchStates, byteOrder, type StateSource } from './batch-states.js';

const utf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** A store over a plain map, slow and plain. */
function source(stored: ReadonlyMap<string, number>): StateSource {
  return {
    get: (key) => (stored.has(key) ? { json: JSON.stringify(stored.get(key)), wakeAt: null } : undefined),
    floor: (prefix, atOrBefore, below) =>
      floorOf(
        [...stored.keys()].filter((key) => !below || key !== atOrBefore),
        prefix,
        atOrBefore,
      ),
  };
}

function floorOf(keys: readonly string[], prefix: string, atOrBefore: string): string | undefined {
  return keys
    .filter((key) => key.startsWith(prefix) && utf8(key, atOrBefore) <= 0)
    .sort(utf8)
    .at(-1);
}

const key = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\uffff', '😀'), maxLength: 4 });
const step = fc.oneof(
  fc.record({ put: key, state: fc.nat() }),
  fc.record({ drop: key }),
  fc.record({ prefix: key, atOrBefore: key }),
);

describe('BatchStates', () => {
  it('sees what the store would show if every change were written at once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat())), fc.array(step, { maxLength: 60 }), (before, steps) => {
        const model = new Map(before);
        const states = new BatchStates<number>(source(new Map(before)), undefined, 0);
        for (const each of steps) {
          if ('put' in each) {
            model.set(each.put, each.state);
            states.apply(each.put, { state: each.state }, true);
          } else if ('drop' in each) {
            model.delete(each.drop);
            states.apply(each.drop, { state: null }, true);
          } else {
            const found = states.floor(each.prefix, each.atOrBefore);
            expect(found).toBe(floorOf([...model.keys()], each.prefix, each.atOrBefore));
            if (found !== undefined) expect(states.get(found)).toBe(model.get(found));
          }
        }
        const after = new Map(before);
        for (const { key, json } of states.changes()) {
          if (json === null) after.delete(key);
          else after.set(key, JSON.parse(json) as number);
        }
        expect(after).toEqual(model);
      }),
      { numRuns: 500 },
    );
  });

  it('compares keys as their UTF-8 bytes do', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(byteOrder(a, b))).toBe(Math.sign(utf8(a, b)));
      }),
    );
  });

  it('refuses wishes that cannot come true', () => {
    const states = new BatchStates<number>(source(new Map()), undefined, 0);
    expect(() => states.apply('a', { wakeAt: 5 }, true)).toThrow(RangeError);
    expect(() => states.apply('a', { state: 1, wakeAt: 5 }, false)).toThrow(RangeError);
    expect(() => states.apply('a', { state: 1, wakeAt: 0.5 }, true)).toThrow(RangeError);
  });
});
