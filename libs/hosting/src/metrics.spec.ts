import { setTimeout as pause } from 'node:timers/promises';
import { Metrics } from './metrics.js';

describe('a scrape', () => {
  const lines: [string, unknown][] = [];
  const log = { warn: (_: string, { metric }: { metric?: unknown }) => void lines.push(['warn', metric]) };
  let metrics: Metrics;
  const scraped = async () =>
    (await metrics.registry.metrics()).split('\n').filter((line) => /^gyre_\w+[{ ]/.test(line));
  beforeEach(() => {
    lines.length = 0;
    metrics = new Metrics({ process: false, log });
    metrics.gauge('gyre_here', 'known without asking', [], (gauge) => gauge.set(1));
  });

  it('has all other figures where one cannot be read, not one of before in its place, and tells that once', async () => {
    let answer: () => Promise<number> = () => Promise.resolve(7);
    metrics.gauge('gyre_elsewhere', 'asked of a server', ['of'], async (gauge) =>
      gauge.set({ of: 'a' }, await answer()),
    );
    expect(await scraped()).toEqual(['gyre_here 1', 'gyre_elsewhere{of="a"} 7']);
    answer = () => Promise.reject(new Error('away'));
    expect(await scraped()).toEqual(['gyre_here 1']);
    expect(await scraped()).toEqual(['gyre_here 1']);
    expect(lines).toEqual([['warn', 'gyre_elsewhere']]);
    answer = () => Promise.resolve(8);
    expect(await scraped()).toEqual(['gyre_here 1', 'gyre_elsewhere{of="a"} 8']);
  });

  it('waits for none that does not come, and does not ask again meanwhile', async () => {
    let asked = 0;
    const answers: ((value: number) => void)[] = [];
    metrics.gauge('gyre_elsewhere', 'asked of a server', ['of'], async (gauge) => {
      asked += 1;
      gauge.set({ of: 'a' }, await new Promise<number>((resolve) => answers.push(resolve)));
    });
    const began = performance.now();
    expect(await Promise.all([scraped(), scraped(), pause(1_000).then(scraped)])).toEqual(
      Array(3).fill(['gyre_here 1']),
    );
    expect(performance.now() - began).toBeLessThan(3_500);
    const again = performance.now();
    expect(await scraped()).toEqual(['gyre_here 1']);
    expect(performance.now() - again).toBeLessThan(500);
    expect([asked, lines.length]).toEqual([1, 1]);
    answers[0]?.(7);
    await pause(0);
    const next = scraped();
    await pause(0);
    answers[1]?.(8);
    expect(await next).toEqual(['gyre_here 1', 'gyre_elsewhere{of="a"} 8']);
  });
});
