import fc from 'fast-check';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { HddmA } from './hddm-a.js';

describe('HDDM-A', () => {
  behavesLikeADriftDetector(
    () => new HddmA({ twoSidedTest: true, driftConfidence: 0.01 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );

  it('refuses values outside its domain and options without sense', () => {
    for (const value of [-0.1, 1.1]) expect(() => new HddmA().update(value)).toThrow(RangeError);
    for (const options of [{ driftConfidence: 0 }, { warningConfidence: 1 }])
      expect(() => new HddmA(options)).toThrow(RangeError);
  });
});
