import { ConcurrencyLimit } from './concurrency-limit.js';

const settings = { max: 1_000, min: 8, delayTargetMs: 20 };

let clock = 0;

/** A server that takes `millisecondsEach` of its thread for each request, asked by so many clients that each wait for their answer. */
function closedLoop(limit: ConcurrencyLimit, clients: number, millisecondsEach: number, forMs: number): number[] {
  const waits: number[] = [];
  const end = clock + forMs;
  while (clock < end) {
    let entered = 0;
    for (let i = 0; i < clients; i++) if (limit.enter()) entered += 1;
    const took = entered * millisecondsEach;
    clock += took + 0.1;
    for (let i = 0; i < entered; i++) limit.leave();
    limit.waited(took, clock);
    waits.push(took);
  }
  return waits;
}

describe('the concurrency limit', () => {
  it('lets so many in that none waits much over the target, however many come', () => {
    for (const clients of [200, 5_000]) {
      const limit = new ConcurrencyLimit(settings);
      const waits = closedLoop(limit, clients, 0.5, 20_000);
      const late = waits.slice(-200);
      expect(Math.max(...late)).toBeLessThan(30);
      // And no fewer than that takes.
      expect(Math.min(...late)).toBeGreaterThan(12);
    }
  });

  it('leaves a load alone that it can take, and finds more room when there is', () => {
    const limit = new ConcurrencyLimit(settings);
    closedLoop(limit, 30, 0.5, 10_000);
    expect(limit.limit).toBe(1_000);
    closedLoop(limit, 500, 0.5, 10_000);
    const narrow = limit.limit;
    expect(narrow).toBeLessThan(70);
    closedLoop(limit, 500, 0.05, 20_000);
    expect(limit.limit).toBeGreaterThan(4 * narrow);
  });

  it('forgives bursts, which drain', () => {
    const limit = new ConcurrencyLimit(settings);
    for (let now = 0; now < 20_000; now += 500) limit.waited(80, now);
    expect(limit.limit).toBe(1_000);
  });

  it('stays where it is without a target', () => {
    const limit = new ConcurrencyLimit({ max: 50, min: 1, delayTargetMs: null });
    closedLoop(limit, 500, 5, 10_000);
    expect(limit.limit).toBe(50);
    expect(limit.pressed).toBe(false);
  });
});
