import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { gapPValue } from './kolmogorov-smirnov.js';
import { Kswin } from './kswin.js';
import { streamOf } from './stream-recipe.js';

describe('KSWIN', () => {
  behavesLikeADriftDetector(() => new Kswin({ windowSize: 20, statSize: 8, alpha: 0.05 }));

  it('sees a change of spread that leaves the mean where it was', () => {
    const stream = streamOf({
      seed: 11,
      segments: [
        { kind: 'gauss', n: 500, mean: 0, sd: 1 },
        { kind: 'gauss', n: 500, mean: 0, sd: 6 },
      ],
    });
    const detector = new Kswin({ alpha: 1e-4 });
    const found = stream.flatMap((value, i) => (detector.update(value) === 'drift' ? [i] : []));
    expect(found.some((i) => i >= 500 && i < 600)).toBe(true);
    expect(found.some((i) => i < 500)).toBe(false);
  });

  it('draws every older value equally often', () => {
    // Three of seven older zeros against three ones are a drift, unless the one that is not zero is among the three.
    const detector = new Kswin({ windowSize: 10, statSize: 3, alpha: 0.11 });
    const counts = Array.from({ length: 7 }, () => 0);
    for (let trial = 0; trial < 4000; trial += 1) {
      const odd = trial % 7;
      const window = Array.from({ length: 10 }, (_, i) => (i === odd ? 2 : i < 7 ? 0 : 1));
      detector.restore({ window: window.slice(0, 9), random: trial * 2654435761, restarts: false });
      if (detector.update(1) === 'stable') counts[odd]! += 1;
    }
    for (const count of counts) expect(Math.abs(count / (4000 / 7) - 3 / 7)).toBeLessThan(0.06);
  });

  it('has p-values that are probabilities of the gap, by enumeration of all orders of four and four', () => {
    const orders = Array.from({ length: 256 }, (_, bits) => bits).filter((bits) => ones(bits) === 4);
    const gaps = orders.map((bits) => {
      let ahead = 0;
      return Math.max(...Array.from({ length: 8 }, (_, i) => Math.abs((ahead += (bits >> i) & 1 ? 1 : -1))));
    });
    for (let gap = 0; gap <= 4; gap += 1) {
      expect(gapPValue(4, gap)).toBeCloseTo(gaps.filter((one) => one >= gap).length / orders.length, 12);
    }
  });

  it('refuses options without sense', () => {
    for (const options of [{ alpha: 0 }, { statSize: 0 }, { windowSize: 59 }, { seed: -1 }, { seed: 0.5 }]) {
      expect(() => new Kswin(options)).toThrow(RangeError);
    }
  });
});

function ones(bits: number): number {
  return bits === 0 ? 0 : (bits & 1) + ones(bits >> 1);
}
