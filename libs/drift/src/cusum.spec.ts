import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { Cusum } from './cusum.js';

describe('CUSUM', () => {
  behavesLikeADriftDetector(() => new Cusum({ slack: 0.1, threshold: 4, warmStart: 5 }));

  it('refuses options without sense', () => {
    for (const options of [{ threshold: 0 }, { slack: -1 }, { target: NaN }, { warmStart: 0 }])
      expect(() => new Cusum(options)).toThrow(RangeError);
  });
});
