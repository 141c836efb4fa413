import { RateLimits } from './rate-limits.js';

describe('the rate limits', () => {
  let now = 0;
  const limits = new RateLimits({ perSecond: 10, burst: 20, ofClients: { batch: 1, free: 1_000 } }, () => now);
  const taken = (client: string, attempts: number): number => {
    let count = 0;
    for (let i = 0; i < attempts; i++) {
      try {
        limits.take(client);
        count += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'RATE_LIMITED' });
      }
    }
    return count;
  };

  it('lets each client send a burst, and then its rate', () => {
    expect(taken('one', 100)).toBe(20);
    now += 1_000;
    expect(taken('one', 100)).toBe(10);
    expect(taken('two', 100)).toBe(20);
    now += 60_000;
    expect(taken('one', 100)).toBe(20);
  });

  it('says when to come again, and means it', () => {
    taken('three', 100);
    let after = 0;
    try {
      limits.take('three');
    } catch (error) {
      after = (error as { details: { retryAfterMs: number } }).details.retryAfterMs;
    }
    expect(after).toBe(100);
    now += after;
    expect(taken('three', 5)).toBe(1);
  });

  it('has other rates for clients that are named', () => {
    taken('batch', 100);
    now += 3_000;
    expect(taken('batch', 100)).toBe(3);
  });

  it('holds names that every object knows for names like any other', () => {
    const names = ['constructor', 'toString', '__proto__'];
    expect(names.map((name) => taken(name, 100))).toEqual([20, 20, 20]);
  });

  it('does not grow with the number of clients', () => {
    for (let i = 0; i < 20_000; i++) limits.take(`client-${i}`);
    expect((limits as unknown as { buckets: Map<string, unknown> }).buckets.size).toBeLessThanOrEqual(10_000);
  });
});
