import { chiSquareSurvival, incompleteGamma, logGamma, logGammaRemainder } from './gamma.js';

describe('gamma', () => {
  it.each([
    // Factorials and the half-integer values are known in closed form.
    [0.5, 0.5 * Math.log(Math.PI)],
    [1, 0],
    [2, 0],
    [5, Math.log(24)],
    [11, Math.log(3628800)],
    [15.5, Math.log(334838609873.55554)],
    [171, 706.5730622457874],
  ])('ln Γ(%p) is %p', (x, expected) => {
    expect(Math.abs(logGamma(x) - expected)).toBeLessThanOrEqual(1e-14 * Math.max(1, Math.abs(expected)));
    expect(logGammaRemainder(x)).toBeCloseTo(expected - x * Math.log(x) + x, 11);
  });

  it('has chi-square tails that agree with their closed forms for 1, 2 and 4 degrees of freedom', () => {
    for (const x of [1e-8, 0.1, 1, 3, 10, 40, 500, 1400]) {
      expect(chiSquareSurvival(x, 2) / Math.exp(-x / 2)).toBeCloseTo(1, 12);
      expect(chiSquareSurvival(x, 4) / (Math.exp(-x / 2) * (1 + x / 2))).toBeCloseTo(1, 12);
    }
    expect(chiSquareSurvival(3.841458820694124, 1)).toBeCloseTo(0.05, 14);
    expect(chiSquareSurvival(0, 3)).toBe(1);
    expect(chiSquareSurvival(5, 0)).toBe(1);
  });

  it('adds up to one and rises, for arguments small and large', () => {
    for (const a of [0.01, 0.3, 1, 7.5, 100, 1e4, 1e6]) {
      let before = 0;
      for (const x of [0.01, 0.5, 0.9, 1, 1.1, 2, 10].map((factor) => a * factor)) {
        const { lower, upper } = incompleteGamma(a, x);
        expect(lower + upper).toBeCloseTo(1, 14);
        expect(lower).toBeGreaterThanOrEqual(before);
        before = lower;
      }
    }
    expect(incompleteGamma(1e6, 1e6).lower).toBeCloseTo(0.5 + 1 / (3 * Math.sqrt(2 * Math.PI * 1e6)), 9);
  });

  it('refuses arguments outside its domain', () => {
    expect(() => logGamma(0)).toThrow(RangeError);
    expect(() => incompleteGamma(1, NaN)).toThrow(RangeError);
    expect(() => incompleteGamma(-1, 1)).toThrow(RangeError);
  });
});
