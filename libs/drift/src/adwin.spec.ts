import { Adwin } from './adwin.js';
import { behavesLikeADriftDetector } from './behaves-like-a-drift-detector.js';
import { streamOf } from './stream-recipe.js';

const errors = (p0: number, p1: number) =>
  streamOf({
    seed: 7,
    segments: [
      { kind: 'bernoulli', n: 3000, p: p0 },
      { kind: 'bernoulli', n: 3000, p: p1 },
    ],
  });
const detections = (detector: Adwin, stream: number[]) =>
  stream.flatMap((value, i) => (detector.update(value) === 'drift' ? [i] : []));

describe('ADWIN', () => {
  behavesLikeADriftDetector(() => new Adwin({ delta: 0.3, clock: 3, maxBuckets: 2 }));

  it('tells which way the mean went, from what to what, and about where', () => {
    const detector = new Adwin();
    const at = errors(0.1, 0.4).findIndex((value) => detector.update(value) === 'drift');
    const { countBefore, meanBefore, countAfter, meanAfter } = detector.change()!;
    expect(Math.abs(countBefore - 3000)).toBeLessThan(50);
    expect(countBefore + countAfter).toBe(at + 1);
    expect(meanBefore).toBeCloseTo(0.1, 1);
    expect(meanAfter).toBeGreaterThan(0.3);
    expect(resumed(detector).change()).toEqual(detector.change());
  });

  it('reports only rises, or only falls, when asked to, and still adapts to the others', () => {
    const rising = errors(0.1, 0.4);
    const falling = errors(0.4, 0.1);
    expect(detections(new Adwin({ direction: 'up' }), rising)).toEqual(detections(new Adwin(), rising));
    expect(detections(new Adwin({ direction: 'down' }), rising)).toEqual([]);
    expect(detections(new Adwin({ direction: 'up' }), falling)).toEqual([]);
    const adapted = new Adwin({ direction: 'up' });
    detections(adapted, falling);
    expect(adapted.mean()).toBeCloseTo(0.1, 1);
  });

  it('refuses options without sense and states of other options', () => {
    for (const options of [{ delta: 0 }, { delta: 1 }, { clock: 0 }, { maxBuckets: 1 }, { minWindowLength: 0.5 }]) {
      expect(() => new Adwin(options)).toThrow(RangeError);
    }
    const wide = new Adwin({ maxBuckets: 10 });
    detections(wide, errors(0.1, 0.1));
    expect(() => new Adwin({ maxBuckets: 2 }).restore(wide.state())).toThrow(RangeError);
  });
});

function resumed(detector: Adwin): Adwin {
  const copy = new Adwin();
  copy.restore(detector.state());
  return copy;
}
