import { alarmsPerRow, SHARES, type Watched } from './alarm-budget.js';

const all = (dial: Parameters<typeof alarmsPerRow>[0], msPerRow: number | null) =>
  (Object.keys(SHARES) as Watched[]).reduce((sum, watched) => sum + alarmsPerRow(dial, msPerRow, watched), 0);

describe('the alarms that the dial allows', () => {
  it('are spent whole over all that is watched, half of them on the error', () => {
    expect(all(1e-5, null)).toBeCloseTo(1e-5, 15);
    expect(alarmsPerRow(1e-5, null, 'error')).toBeCloseTo(5e-6, 15);
  });

  it('follow the traffic where they are stated in time', () => {
    const monthly = { perMs: 1 / (30 * 86_400_000) };
    expect(all(monthly, 1_000)).toBeCloseTo(1_000 / (30 * 86_400_000), 15);
    expect(all(monthly, 10)).toBeCloseTo(10 / (30 * 86_400_000), 15);
    expect(all(monthly, null)).toBeCloseTo(1e-5, 15); // until the traffic is known
    expect(all(monthly, 86_400_000 * 365)).toBeCloseTo(0.01, 15); // however slow it is
    expect(all(monthly, 0)).toBeGreaterThan(0);
  });
});
