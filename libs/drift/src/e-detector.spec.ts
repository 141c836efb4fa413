import fc from 'fast-check';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { EDetector } from './e-detector.js';
import { mulberry32 } from './mulberry32.js';

/** Rows after the change at which it is found, over streams of errors whose rate goes from p to q after so many rows. */
function delays(streams: number, p: number, q: number, before: number, falseAlarms: number): number[] {
  const chance = mulberry32(11);
  return Array.from({ length: streams }, () => {
    const detector = new EDetector({ falseAlarms, direction: 'up' });
    for (let i = 0; i < before; i++) detector.update(chance() < p ? 1 : 0);
    let rows = 1;
    while (detector.update(chance() < q ? 1 : 0) !== 'drift' && rows < 5_000) rows += 1;
    return rows;
  }).sort((a, b) => a - b);
}

describe('the e-detector', () => {
  behavesLikeADriftDetector(
    () => new EDetector({ falseAlarms: 0.05, warmStart: 5, lag: 3 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );

  it('finds a rise from 0.2 to 0.5 within 60 rows at one false alarm per 100,000', () => {
    expect(delays(101, 0.2, 0.5, 1_000, 1e-5)[50]).toBeLessThanOrEqual(60);
  });

  it.each(['up', 'down', 'both'] as const)(
    'alarms no oftener than the dial says, whatever the rate and though it must learn it: %s',
    (direction) => {
      for (const rate of [0.02, 0.2, 0.5]) {
        const chance = mulberry32(3);
        let alarms = 0;
        for (let stream = 0; stream < 40; stream++) {
          const detector = new EDetector({ falseAlarms: 1e-3, direction });
          for (let i = 0; i < 10_000; i++) if (detector.update(chance() < rate ? 1 : 0) === 'drift') alarms += 1;
        }
        expect(alarms / 400_000).toBeLessThan(1e-3);
      }
    },
  );

  it('tells about where the mean changed, from what to what, in the unit of the values', () => {
    const chance = mulberry32(5);
    const detector = new EDetector({ max: 10 });
    const at = Array.from({ length: 4_000 }, (_, i) => (chance() < (i < 3_000 ? 0.2 : 0.6) ? 10 : 0)).findIndex(
      (value) => detector.update(value) === 'drift',
    );
    const { countBefore, meanBefore, countAfter, meanAfter } = detector.change()!;
    expect(countBefore + countAfter).toBe(at + 1);
    expect(Math.abs(countBefore - 3_000)).toBeLessThan(20);
    expect(meanBefore).toBeCloseTo(2, 0);
    expect(meanAfter).toBeGreaterThan(5);
  });

  it('reports only rises, or only falls, when asked to, and takes the others for the new normal', () => {
    const errors = (p: number, seed: number) => {
      const chance = mulberry32(seed);
      return Array.from({ length: 2_000 }, () => (chance() < p ? 1 : 0));
    };
    const found = (detector: EDetector, stream: number[]) =>
      stream.filter((value) => detector.update(value) === 'drift').length;
    const up = new EDetector({ direction: 'up' });
    expect(found(up, [...errors(0.5, 1), ...errors(0.1, 2)])).toBe(0);
    expect(up.mean()).toBeCloseTo(0.1, 1);
    expect(found(up, errors(0.5, 3))).toBe(1);
    expect(found(new EDetector({ direction: 'down' }), [...errors(0.5, 1), ...errors(0.1, 2)])).toBe(1);
  });

  it('takes a season for none, and finds what is more than the season', () => {
    const found = (phases: number, rise: number) => {
      const chance = mulberry32(21);
      const detector = new EDetector({ phases, direction: 'up' });
      return Array.from({ length: 12_000 }, (_, i) => i).filter((i) => {
        const phase = Math.floor(i / 200) % 4;
        const rate = 0.1 + 0.1 * phase + (i < 10_000 ? 0 : rise);
        return detector.update(chance() < rate ? 1 : 0, phases === 1 ? 0 : phase) === 'drift';
      });
    };
    expect(found(1, 0).length).toBeGreaterThan(5);
    expect(found(4, 0)).toEqual([]);
    const [at] = found(4, 0.3);
    expect(at).toBeGreaterThanOrEqual(10_000);
    expect(at).toBeLessThan(10_100);
    expect(() => new EDetector({ phases: 2 }).update(1, 2)).toThrow(/phases 0 to 1/);
    expect(() => new EDetector({ phases: 2 }).restore(new EDetector().state())).toThrow(RangeError);
  });

  it('knows the baseline from what it has learned beforehand', () => {
    const detector = new EDetector();
    for (let i = 0; i < 1_000; i++) detector.learn(i % 10 === 0 ? 1 : 0);
    const at = Array.from({ length: 100 }, (_, i) => i % 2).findIndex((value) => detector.update(value) === 'drift');
    expect(at).toBeGreaterThan(10);
    expect(at).toBeLessThan(50);
  });

  it('refuses values out of range, options without sense and states of another kind', () => {
    expect(() => new EDetector({ max: 2 }).update(2.1)).toThrow(/\[0, 2\]/);
    for (const options of [
      { falseAlarms: 0 },
      { falseAlarms: 1 },
      { max: 0 },
      { warmStart: 1 },
      { lag: 0 },
      { margin: -1 },
      { phases: 0 },
    ])
      expect(() => new EDetector(options)).toThrow(RangeError);
    expect(() => new EDetector().restore({ ...new EDetector().state(), up: [] })).toThrow(RangeError);
  });
});
