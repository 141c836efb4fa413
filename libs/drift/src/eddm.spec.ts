import fc from 'fast-check';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { Eddm } from './eddm.js';

describe('EDDM', () => {
  behavesLikeADriftDetector(() => new Eddm({ warmStart: 5 }), fc.constantFrom(0, 1));

  it('refuses values outside its domain and options without sense', () => {
    for (const value of [-0.1, 1.1, 0.5]) expect(() => new Eddm().update(value)).toThrow(RangeError);
    for (const options of [{ alpha: 0.5 }, { beta: 0 }, { alpha: 1.1 }])
      expect(() => new Eddm(options)).toThrow(RangeError);
  });
});
