import { QualityCounter } from './quality-counter.js';

describe('QualityCounter', () => {
  it('counts rows, missing values and values outside the declared range', () => {
    const counter = new QualityCounter({ min: 0, max: 1 });
    for (const value of [0, 1, 0.5, -0.1, 2, Infinity, null, undefined, NaN]) counter.add(value);
    expect(counter.state()).toEqual({ count: 9, nulls: 3, outOfRange: 3 });
    expect(() => new QualityCounter({ min: 1, max: 0 })).toThrow(RangeError);
  });

  it('merges partitions and goes on from a restored state', () => {
    const [left, right] = [new QualityCounter({ max: 1 }), new QualityCounter({ max: 1 })];
    for (const value of [0, 5, null]) left.add(value);
    for (const value of [-Infinity, 7]) right.add(value);
    right.merge(left.state());
    const resumed = new QualityCounter({ max: 1 });
    resumed.restore(right.state());
    resumed.add(null);
    expect(right.state()).toEqual({ count: 5, nulls: 1, outOfRange: 2 });
    expect(resumed.state()).toEqual({ count: 6, nulls: 2, outOfRange: 2 });
  });
});
