import fc from 'fast-check';
import { checkValues } from './check-values.js';
import type { FieldRules } from './field-rules.js';

const field = (rules: Partial<FieldRules> & Pick<FieldRules, 'type'>): FieldRules => ({
  nullable: false,
  private: false,
  ...rules,
});
const view = {
  fields: {
    price: field({ type: 'float', min: 0, max: 10 }),
    count: field({ type: 'int', nullable: true }),
    state: field({ type: 'string', enum: ['NSW', 'VIC'], nullable: true }),
    open: field({ type: 'bool', nullable: true }),
    card: field({ type: 'string', nullable: true, private: true }),
  },
};
const problemsOf = (values: Record<string, unknown>) =>
  checkValues(view, values).problems?.map(({ field: name, problem, expected }) => `${name} ${problem}; ${expected}`);

describe('checkValues', () => {
  it('lets a good event pass without its private fields', () => {
    const values = { price: 10, count: -3, state: 'VIC', open: false, card: '4111' };
    expect(checkValues(view, values)).toEqual({ values: { price: 10, count: -3, state: 'VIC', open: false } });
  });

  it('lets nullable fields be null, or not be named at all', () => {
    expect(checkValues(view, { price: 0, count: null })).toEqual({ values: { price: 0, count: null } });
  });

  it.each([
    [{ price: 'x' }, 'price is a text; a finite number from 0 to 10'],
    [{ price: NaN }, 'price is NaN; a finite number from 0 to 10'],
    [{ price: Infinity }, 'price is Infinity; a finite number from 0 to 10'],
    [{ price: null }, 'price is null; a finite number from 0 to 10, or nullable: true in the view'],
    [{ price: 10.1 }, 'price is 10.1, out of range; a finite number from 0 to 10'],
    [{ count: 1 }, 'price is missing; a finite number from 0 to 10, or nullable: true in the view'],
    [{ price: 1, count: 1.5 }, 'count is 1.5; a whole number of at most 2^53'],
    [{ price: 1, count: 2 ** 53 }, 'count is 9007199254740992; a whole number of at most 2^53'],
    [{ price: 1, state: 'QLD' }, 'state is "QLD", out of range; one of NSW, VIC'],
    [{ price: 1, open: 1 }, 'open is 1; true or false'],
    [{ price: 1, open: { yes: 1 } }, 'open is an object; true or false'],
    [{ price: 1, card: 4111 }, 'card has the wrong type; a text'],
    [{ price: 1, cost: 2 }, 'cost is no field of the view; one of price, count, state, open, card'],
    [{ price: 1, constructor: 2 }, 'constructor is no field of the view; one of price, count, state, open, card'],
  ])('refuses %j, and says what would be right', (values, problem) => {
    expect(problemsOf(values)).toEqual([problem]);
  });

  it('finds every problem at once', () => {
    expect(checkValues(view, { price: -1, open: 'x', cost: 1 }).problems?.map((p) => p.field)).toEqual([
      'price',
      'open',
      'cost',
    ]);
  });

  it('shows what is of the wrong type where no field is private', () => {
    const open = { fields: { price: view.fields.price } };
    expect(checkValues(open, { price: { now: 'x' } }).problems?.[0]?.problem).toBe('is {"now":"x"}');
    expect(checkValues(open, { price: 'x' }, () => true).problems?.[0]?.problem).toBe('is a text');
  });

  it('never lets a private value out, neither in values nor in problems', () => {
    const secret = fc.string({ minLength: 12 }).map((s) => `secret-${s}`);
    fc.assert(
      fc.property(secret, fc.oneof(fc.constant(1), fc.constant(99)), (card, price) => {
        const said = JSON.stringify(
          checkValues({ fields: { ...view.fields, card: field({ type: 'int', private: true }) } }, { price, card }),
        );
        expect(said).not.toContain('secret-');
      }),
    );
  });
});
