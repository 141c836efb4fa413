import { LogLimit } from './log-limit.js';

describe('a limit of the log', () => {
  it('lets one line a minute of each kind through, and says how many it left out', () => {
    let now = 0;
    const limit = new LogLimit(() => now);
    expect([limit.due('a'), limit.due('a'), limit.due('a'), limit.due('b')]).toEqual([0, null, null, 0]);
    now = 59_999;
    expect(limit.due('a')).toBeNull();
    now = 60_000;
    expect([limit.due('a'), limit.due('a')]).toEqual([3, null]);
    now = 200_000;
    expect(limit.due('a')).toBe(1);
  });
});
