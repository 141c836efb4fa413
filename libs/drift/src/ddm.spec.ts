import fc from 'fast-check';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { Ddm } from './ddm.js';

describe('DDM', () => {
  behavesLikeADriftDetector(() => new Ddm({ warmStart: 5 }), fc.constantFrom(0, 1));

  it('refuses values outside its domain and options without sense', () => {
    for (const value of [-0.1, 1.1, 0.5]) expect(() => new Ddm().update(value)).toThrow(RangeError);
    for (const options of [{ warmStart: -1 }, { driftThreshold: 1 }, { warningThreshold: 0 }])
      expect(() => new Ddm(options)).toThrow(RangeError);
  });
});
