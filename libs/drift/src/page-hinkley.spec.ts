import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { PageHinkley } from './page-hinkley.js';

describe('Page-Hinkley', () => {
  behavesLikeADriftDetector(() => new PageHinkley({ threshold: 3, minInstances: 5, alpha: 0.99 }));

  it('watches only the direction it is asked to', () => {
    const stream = Array.from({ length: 400 }, (_, i) => (i < 200 ? 0 : 1));
    const found = (mode: 'up' | 'down', values: number[]) => {
      const detector = new PageHinkley({ mode, threshold: 10 });
      return values.some((value) => detector.update(value) === 'drift');
    };
    expect([found('up', stream), found('down', stream)]).toEqual([true, false]);
    expect([found('up', stream.toReversed()), found('down', stream.toReversed())]).toEqual([false, true]);
  });

  it('refuses options without sense', () => {
    for (const options of [{ delta: -1 }, { threshold: 0 }, { alpha: 0 }, { alpha: 1.1 }, { minInstances: NaN }]) {
      expect(() => new PageHinkley(options)).toThrow(RangeError);
    }
  });
});
