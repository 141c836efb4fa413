import fc from 'fast-check';
import { BatchStates, byteOrder, type StateSource } from './batch-states.js';
import { RecentStates } from './recent-states.js';

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

  it('goes on from committed states at hand as from stored ones, also when batches are thrown away in between', () => {
    // So large that they do not all stay at hand.
    const change = fc.record({ key, length: fc.option(fc.nat(300_000)) });
    const batch = fc.record({ changes: fc.array(change, { maxLength: 8 }), thrownAway: fc.boolean() });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 12 }), (batches) => {
        const stored = new Map<string, string>();
        const recent = new RecentStates<{ text: string }>();
        const from = {
          get: (wanted: string) => {
            const json = stored.get(wanted);
            return json === undefined ? undefined : { json, wakeAt: null };
          },
          floor: () => undefined,
        };
        for (const { changes, thrownAway } of batches) {
          const states = new BatchStates<{ text: string }>(from, undefined, 0, recent);
          for (const { key, length } of changes) {
            const state = states.get(key);
            if (length === null) states.apply(key, { state: null }, true);
            else if (state === undefined) states.apply(key, { state: { text: 'x'.repeat(length) } }, true);
            else {
              // In place, as a task may.
              state.text = 'y'.repeat(length);
              states.apply(key, { state }, true);
            }
          }
          if (thrownAway) recent.clear();
          else {
            for (const { key, json } of states.changes()) {
              if (json === null) stored.delete(key);
              else stored.set(key, json);
            }
            states.keepIn(recent);
          }
          const again = new BatchStates<{ text: string }>(from, undefined, 0, recent);
          for (const { key } of changes) {
            const json = stored.get(key);
            expect(again.get(key)).toEqual(json === undefined ? undefined : JSON.parse(json));
          }
        }
      }),
      { numRuns: 100 },
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
