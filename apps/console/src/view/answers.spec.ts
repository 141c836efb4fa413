import type { PerformanceMeasured, VersionMeasured } from '@gyre/contracts';
import { answeredBy, answersBy, turnsOf } from './answers.js';
import { bandsOf } from './bands.js';

/** @param range of labels, which are a millisecond apart */
const answers = (
  version: number | null,
  range: [number, number],
  labels: number,
  accuracy: number,
): VersionMeasured => ({
  version,
  labels,
  fromLabel: range[0],
  toLabel: range[1],
  from: range[0],
  to: range[1],
  metrics: { accuracy },
});
const window = (from: number, ...versions: VersionMeasured[]): PerformanceMeasured => {
  const most = versions.reduce((best, one) => (one.labels > best.labels ? one : best));
  return { model: 'm', ...answers(most.version, [from, from + 500], 500, 0.7), versions };
};
const turns = (of: PerformanceMeasured) =>
  turnsOf(of).map(({ version, fromLabel, toLabel }) => [version, fromLabel, toLabel]);

/** Version 5 takes over from 1 after 150 labels, some of which come late. */
const takenOver = window(0, answers(1, [0, 160], 150, 0.8), answers(5, [140, 500], 350, 0.86));
/** Version 6 answers a fifth, until it is champion in the next window. */
const withCanary = window(500, answers(6, [500, 1_000], 100, 0.9), answers(5, [501, 999], 400, 0.85));

describe('the answers of a window', () => {
  it('are told by whoever gave them', () => {
    expect(answersBy([takenOver, withCanary], 5).map(({ labels }) => labels)).toEqual([350, 400]);
    expect(answeredBy(takenOver, 'accuracy')).toBe(
      'version 1: 80.0\u00a0% of 150 labels, version 5: 86.0\u00a0% of 350 labels',
    );
    expect(answeredBy(window(0, answers(null, [0, 500], 500, 0.5)), 'accuracy')).toBe('the fallback');
    const many = [1, 2, 3, 4, 5].map((version) => answers(version, [version, version + 1], version, 1));
    expect(answeredBy(window(0, ...many), 'accuracy')).toMatch(/^version 3: .*, version 4: .*, version 5: .*, 2 more$/);
  });

  it('are all its version’s in a window that was measured before versions were told apart', () => {
    const { versions: _, ...older } = takenOver;
    expect(answersBy([older], 5)).toMatchObject([{ labels: 500, metrics: { accuracy: 0.7 } }]);
    expect(turns(older)).toEqual([[5, 0, 500]]);
  });

  it('are given in turns, in which a version that answers beside another has none', () => {
    expect(turns(takenOver)).toEqual([
      [1, 0, 140],
      [5, 140, 500],
    ]);
    expect(turns(withCanary)).toEqual([[5, 500, 1_000]]);
  });

  it('make bands that change where another version took over, not where a window ends', () => {
    const bands = bandsOf([takenOver, withCanary, window(1_000, answers(6, [1_000, 1_500], 500, 0.9))]);
    expect(bands.map(({ version, fromLabel, toLabel }) => [version, fromLabel, toLabel])).toEqual([
      [1, 0, 140],
      [5, 140, 1_000],
      [6, 1_000, 1_500],
    ]);
  });
});
