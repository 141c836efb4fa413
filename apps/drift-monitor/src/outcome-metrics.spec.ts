import { Metrics, type Catalog } from '@gyre/hosting';
import type { Platform } from '@gyre/platform';
import { measureOutcomes } from './outcome-metrics.js';
import type { PerformanceHistory } from './performance-history.js';

describe('a scrape', () => {
  const metrics = new Metrics();
  let readings = 0;
  let joined = 0;
  measureOutcomes({
    platform: {
      states: async () => {
        readings += 1;
        return new Map([
          ['m', { counts: { joined }, incidents: { open: [{ kind: 'concept', severity: 'warning' }] } }],
        ]);
      },
    } as unknown as Platform,
    catalog: { allModels: () => [{ name: 'm' }] } as Catalog,
    history: { of: () => [] } as unknown as PerformanceHistory,
    metrics,
  });

  it('reads the watches once for all gauges, and anew the next time', async () => {
    for (joined of [7, 8]) {
      const text = await metrics.registry.metrics();
      expect(text).toContain(`gyre_outcomes{model="m",kind="joined"} ${joined}`);
      expect(text).toContain('gyre_incidents_open{model="m",kind="concept",severity="warning"} 1');
    }
    expect(readings).toBe(2);
  });
});
