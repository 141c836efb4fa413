import type { PerformanceMeasured, VersionMeasured } from '@gyre/contracts';
import * as fc from 'fast-check';
import { answersBy } from './answers.js';
import { bandsOf, BAND_COLOURS, coloursOf, labelAt, meanOf } from './bands.js';

const HOUR = 3_600_000;

/** One window of 500 labels per version named; labels an hour apart, and the windows' event times leave gaps. */
function windowsOf(...versions: (number | null)[]): PerformanceMeasured[] {
  return versions.map((version, i) => ({
    model: 'm',
    version,
    fromLabel: i * 500,
    toLabel: (i + 1) * 500,
    from: (i * 500 + 1) * HOUR,
    to: (i + 1) * 500 * HOUR,
    metrics: { accuracy: 0.5 + i / 10, kappa: null },
  }));
}

describe('bands of versions', () => {
  it('join the windows of one version, and leave no gap between two', () => {
    expect(bandsOf(windowsOf(null, 1, 1, 2, 1))).toEqual([
      { version: null, fromLabel: 0, toLabel: 500, from: HOUR, to: 501 * HOUR },
      { version: 1, fromLabel: 500, toLabel: 1_500, from: 501 * HOUR, to: 1_501 * HOUR },
      { version: 2, fromLabel: 1_500, toLabel: 2_000, from: 1_501 * HOUR, to: 2_001 * HOUR },
      { version: 1, fromLabel: 2_000, toLabel: 2_500, from: 2_001 * HOUR, to: 2_500 * HOUR },
    ]);
    expect(bandsOf([])).toEqual([]);
  });

  it('cover every label once, whatever answered', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 4 })), { minLength: 1 }), (versions) => {
        const bands = bandsOf(windowsOf(...versions));
        expect(bands[0]?.fromLabel).toBe(0);
        expect(bands.at(-1)?.toLabel).toBe(versions.length * 500);
        bands.slice(1).forEach((band, i) => {
          expect(band.fromLabel).toBe(bands[i]?.toLabel);
          expect(band.from).toBe(bands[i]?.to);
          expect(band.version).not.toBe(bands[i]?.version);
        });
      }),
    );
  });

  it('keep a version its colour when it comes back, and never share one with a neighbour', () => {
    const versions = [1, 2, 3, 4, 5, 6, 2, 7, 12, 7, 13, 6];
    const bands = bandsOf(windowsOf(...versions));
    const colours = coloursOf(bands);
    expect(colours.get(1)).not.toBe(colours.get(2));
    bands.slice(1).forEach((band, i) => {
      expect(colours.get(band.version as number)).not.toBe(colours.get(bands[i]?.version as number));
    });
    expect(Math.max(...colours.values())).toBe(BAND_COLOURS - 1);
    expect(coloursOf(bandsOf(windowsOf(null)))).toEqual(new Map());
  });
});

describe('labels and times', () => {
  it('correspond, in proportion within a window', () => {
    const windows = windowsOf(1, 1, 2);
    expect(labelAt(windows, 0)).toBe(0);
    expect(labelAt(windows, 500 * HOUR)).toBe(500);
    expect(labelAt(windows, 500.5 * HOUR)).toBe(500);
    expect(labelAt(windows, 750.5 * HOUR)).toBe(750);
    expect(labelAt(windows, 9_999 * HOUR)).toBe(1_500);
    expect(labelAt([], 5)).toBe(0);
  });

  it('weigh a mean, and leave out windows without the metric', () => {
    const [short, long] = answersBy(windowsOf(1, 1), 1) as [VersionMeasured, VersionMeasured];
    expect(meanOf([{ ...short, labels: 100 }, long], 'accuracy')).toBeCloseTo((0.5 * 100 + 0.6 * 500) / 600, 12);
    expect(meanOf([short, long], 'kappa')).toBeNull();
  });
});
