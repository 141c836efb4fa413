import fc from 'fast-check';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { Fhddm } from './fhddm.js';

describe('FHDDM', () => {
  behavesLikeADriftDetector(
    () => new Fhddm({ slidingWindowSize: 20, shortWindowSize: 7, confidenceLevel: 0.01 }),
    fc.constantFrom(0, 1),
  );

  it('refuses values outside its domain and options without sense', () => {
    for (const value of [-0.1, 1.1, 0.5]) expect(() => new Fhddm().update(value)).toThrow(RangeError);
    for (const options of [{ slidingWindowSize: 0 }, { shortWindowSize: 101 }, { confidenceLevel: 1 }])
      expect(() => new Fhddm(options)).toThrow(RangeError);
  });
});
