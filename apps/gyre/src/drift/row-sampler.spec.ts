import { RowSampler, sampledRows } from './row-sampler.js';

describe('RowSampler', () => {
  it('takes all rows where there are no more than it may keep', () => {
    expect(sampledRows(5, 8)).toEqual([0, 1, 2, 3, 4]);
    expect(sampledRows(8, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(sampledRows(0, 8)).toEqual([]);
  });

  it('takes each row of a long table as likely as any other, and looks at few', () => {
    const rows = sampledRows(100_000, 1_000);
    expect(new Set(rows).size).toBe(1_000);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      // Binomial of 1,000 and a tenth: five deviations are 47.
      const found = rows.filter((row) => Math.floor(row / 10_000) === tenth).length;
      expect(Math.abs(found - 100)).toBeLessThan(47);
    }
    const sampler = new RowSampler(1_000);
    let looks = 0;
    for (; sampler.next < 100_000; looks += 1) sampler.take();
    // n (1 + log(N / n)) of them are expected.
    expect(looks).toBeLessThan(1.1 * 1_000 * (1 + Math.log(100)));
  });
});
