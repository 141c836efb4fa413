import { RunTimes } from './run-times.js';

describe('the times of runs', () => {
  const ran = (...runs: [milliseconds: number, rows: number, now: number][]): RunTimes => {
    const times = new RunTimes();
    for (const run of runs) times.ran(...run);
    return times;
  };

  it('know nothing before the first run', () => {
    expect(new RunTimes().atLeastMs(1, 0)).toBe(0);
  });

  it('recover after one slow run: at once where others were quick, else within two seconds', () => {
    expect(ran([5, 1, 0], [2_000, 1, 10]).atLeastMs(1, 20)).toBe(5);
    const slow = ran([2_000, 1, 0]);
    expect(slow.atLeastMs(1, 20)).toBe(2_000);
    expect(slow.atLeastMs(1, 2_000)).toBe(0);
  });

  it('stay as long as runs go on to be slow', () => {
    const slow = ran([2_000, 1, 0], [2_000, 1, 1_500]);
    expect(slow.atLeastMs(1, 2_900)).toBe(2_000);
  });

  it('tell nothing of few rows by the time of many but their share, and of many at least the time of few', () => {
    const times = ran([100, 100, 0]);
    expect([1, 50, 100, 1_000].map((rows) => times.atLeastMs(rows, 0))).toEqual([1, 50, 100, 100]);
  });

  it('begin anew where the clock is put back', () => {
    expect(ran([100, 1, 5_000]).atLeastMs(1, 0)).toBe(0);
  });
});
