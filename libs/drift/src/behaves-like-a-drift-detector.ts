import fc from 'fast-check';
import type { DriftDetector } from './detector.js';

/**
 * The promises that all detectors share, as a suite to call inside a `describe`.
 *
 * @param create makes a detector, always with the same options; with options so eager that drifts are found in short streams
 * @param values what the detector takes, besides 0 and 1, of which half of the streams consist
 */
export function behavesLikeADriftDetector<State>(
  create: () => DriftDetector<State>,
  values: fc.Arbitrary<number> = fc.double({ min: -1e6, max: 1e6, noNaN: true }),
): void {
  const levels = fc.array(fc.oneof(values, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 4 });
  // Runs of a few levels with some noise between, so that changes happen and are found.
  const streams = fc
    .tuple(levels, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 80 })), { maxLength: 8 }))
    .map(([level, runs]) =>
      runs.flatMap(([pick, n]) =>
        Array.from({ length: n }, (_, i) => level[(pick + (i % 7 === 0 ? 1 : 0)) % level.length]!),
      ),
    );
  const feed = (detector: DriftDetector<State>, stream: number[]) => stream.map((value) => detector.update(value));

  it('goes on from a state restored at any point as if it had never stopped', () => {
    fc.assert(
      fc.property(streams, fc.nat(600), (stream, at) => {
        const uninterrupted = create();
        feed(uninterrupted, stream.slice(0, at));
        const saved = uninterrupted.state();
        const resumed = create();
        feed(resumed, [1, 0, 1, 1]);
        resumed.restore(JSON.parse(JSON.stringify(saved)) as State);
        const verdicts = feed(uninterrupted, stream.slice(at));
        expect(feed(resumed, stream.slice(at))).toEqual(verdicts);
        expect(resumed.state()).toEqual(uninterrupted.state()); // A lost field rarely moves a verdict.
      }),
    );
  });

  it('has a state that survives JSON and that later updates do not change', () => {
    fc.assert(
      fc.property(streams, streams, (stream, more) => {
        const detector = create();
        feed(detector, stream);
        const saved = detector.state();
        const written = JSON.stringify(saved);
        expect(JSON.parse(written)).toEqual(saved);
        feed(detector, more);
        expect(JSON.stringify(saved)).toBe(written);
        detector.restore(saved);
        feed(detector, more);
        expect(JSON.stringify(saved)).toBe(written);
      }),
    );
  });

  it('refuses what is not a finite number and stays as it was', () => {
    fc.assert(
      fc.property(streams, fc.constantFrom(NaN, Infinity, -Infinity, 1e200), (stream, value) => {
        const detector = create();
        feed(detector, stream);
        const before = detector.state();
        expect(() => detector.update(value)).toThrow(RangeError);
        expect(detector.state()).toEqual(before);
      }),
    );
  });

  it('finds a change from always 0 to always 1, or back, and starts from nothing after it', () => {
    const constant = (value: number) => Array.from({ length: 500 }, () => value);
    const outcomes = [0, 1].map((first) => {
      const detector = create();
      feed(detector, constant(first));
      const at = constant(1 - first).findIndex((value) => detector.update(value) === 'drift');
      return { detector, at };
    });
    const found = outcomes.filter(({ at }) => at >= 0);
    expect(found.length).toBeGreaterThan(0);
    for (const { detector } of found) {
      const fresh = create();
      expect([detector.update(1), detector.state()]).toEqual([fresh.update(1), fresh.state()]);
    }
  });
}
