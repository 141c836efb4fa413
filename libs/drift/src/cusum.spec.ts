import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { Cusum } from './cusum.js';

describe('CUSUM', () => {
  behavesLikeADriftDetector(() => new Cusum({ slack: 0.1, threshold: 4, warmStart: 5 }));

  it('agrees with the textbook: Montgomery, table 9.1, target 10, K = 0.5, H = 5', () => {
    const observations = [
      9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08, 9.37, 10.62,
      10.31, 8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31,
    ];
    const detector = new Cusum({ target: 10, slack: 0.5, threshold: 5 });
    const states = observations.map((value) => ({ verdict: detector.update(value), ...detector.state() }));
    expect(states.findIndex(({ verdict }) => verdict === 'drift')).toBe(28);
    expect(states.slice(0, 3).map(({ sumLow }) => Number(sumLow.toFixed(2)))).toEqual([0.05, 1.56, 1.77]);
    expect(states[28]!.sumHigh).toBeCloseTo(5.28, 10);
  });

  it('takes an unknown target from its first values, and watches only the direction it is asked to', () => {
    const falling = Array.from({ length: 100 }, (_, i) => (i < 50 ? 3 : 2));
    const found = (mode: 'up' | 'down') => {
      const detector = new Cusum({ mode, slack: 0.25, threshold: 3 });
      return falling.findIndex((value) => detector.update(value) === 'drift');
    };
    expect([found('up'), found('down')]).toEqual([-1, 54]);
  });

  it('refuses options without sense', () => {
    for (const options of [{ threshold: 0 }, { slack: -1 }, { target: NaN }, { warmStart: 0 }])
      expect(() => new Cusum(options)).toThrow(RangeError);
  });
});
