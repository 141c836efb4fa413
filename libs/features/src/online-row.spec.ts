import fc from 'fast-check';
import type { FieldRules } from './field-rules.js';
import { modelInput } from './model-input.js';
import { onlineRow, type OnlineFields } from './online-row.js';
import { readStatus } from './read-status.js';

interface Observation {
  values: Record<string, number>;
  occurredAt: number;
}
const folded = (observations: readonly Observation[]) =>
  observations.reduce<OnlineFields>((fields, { values, occurredAt }) => onlineRow(fields, values, occurredAt), {});
const observation = fc.record({
  values: fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), fc.integer({ min: 0, max: 3 })),
  occurredAt: fc.integer({ min: 0, max: 50 }),
});

describe('onlineRow', () => {
  it('gives the same row whatever the order of arrival, when times differ', () => {
    const stream = fc.uniqueArray(observation, { selector: (o) => o.occurredAt, maxLength: 12 });
    const shuffled = stream.chain((s) => fc.tuple(fc.constant(s), fc.shuffledSubarray(s, { minLength: s.length })));
    fc.assert(fc.property(shuffled, ([inOrder, anyOrder]) => expect(folded(anyOrder)).toEqual(folded(inOrder))));
  });

  it('shows for each field the newest value by event time, the later arrival where times are equal', () => {
    fc.assert(
      fc.property(fc.array(observation, { maxLength: 12 }), (stream) => {
        const row = folded(stream);
        const named = new Set(stream.flatMap((o) => Object.keys(o.values)));
        expect(new Set(Object.keys(row))).toEqual(named);
        for (const field of named) {
          const bringing = stream.filter((o) => Object.hasOwn(o.values, field));
          const newest = Math.max(...bringing.map((o) => o.occurredAt));
          const last = bringing.filter((o) => o.occurredAt === newest).at(-1);
          expect(row[field]).toEqual({ value: last?.values[field], occurredAt: newest });
        }
      }),
    );
  });

  it('is the same object when an event changes nothing', () => {
    const row = folded([{ values: { a: 1 }, occurredAt: 5 }]);
    expect(onlineRow(row, { a: 9 }, 4)).toBe(row);
    expect(onlineRow(row, { a: 1 }, 5)).toBe(row);
    expect(onlineRow(row, { a: 1 }, 6)).not.toBe(row);
  });
});

describe('readStatus', () => {
  const rules: FieldRules = { type: 'float', min: 0, nullable: false, private: false };

  it.each([
    ['never seen', undefined, { value: null, status: 'missing', ageMs: null }],
    ['null', { value: null, occurredAt: 40 }, { value: null, status: 'missing', ageMs: 60 }],
    ['as old as its time to live', { value: 1, occurredAt: 40 }, { value: 1, status: 'present', ageMs: 60 }],
    ['a millisecond older', { value: 1, occurredAt: 39 }, { value: null, status: 'stale', ageMs: 61 }],
    ['out of range', { value: -1, occurredAt: 90 }, { value: -1, status: 'outOfRange', ageMs: 10 }],
    [
      'of a type that the view no longer has',
      { value: 'x', occurredAt: 90 },
      { value: null, status: 'missing', ageMs: 10 },
    ],
    ['newer than the request', { value: 1, occurredAt: 130 }, { value: 1, status: 'present', ageMs: -30 }],
  ])('tells a value that is %s', (_, held, reading) => {
    expect(readStatus(held, rules, 60, 100)).toEqual(reading);
  });

  it('never grows stale without a time to live', () => {
    expect(readStatus({ value: 1, occurredAt: 0 }, rules, undefined, 1e15).status).toBe('present');
  });
});

describe('modelInput', () => {
  it.each([
    [0.1, 'float', Math.fround(0.1)],
    [1e300, 'float', null],
    [-1e-300, 'float', 0],
    [true, 'bool', 1],
    ['VIC', 'string', 1],
    ['QLD', 'string', null],
    [null, 'float', null],
  ] as const)('gives a model %j of type %s as %j', (value, type, input) => {
    expect(modelInput(value, { type, enum: ['NSW', 'VIC'], nullable: true, private: false })).toBe(input);
  });
});
