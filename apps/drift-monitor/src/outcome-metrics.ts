import type { Catalog, Metrics } from '@gyre/hosting';
import type { Platform } from '@gyre/platform';
import { detect } from './detect.js';
import type { PerformanceHistory } from './performance-history.js';
import type { WatchState } from './watch.js';

/** Outcomes by kind, and the newest window of performance, of every model, read at each scrape. */
export function measureOutcomes(from: {
  platform: Platform;
  catalog: Catalog;
  history: PerformanceHistory;
  metrics: Metrics;
}): void {
  const { platform, catalog, history, metrics } = from;
  const models = () => catalog.allModels().map(({ name }) => name);
  // A watch is large, and the gauges of one scrape ask for all of them at once: they share one reading.
  let reading: Promise<Map<string, WatchState>> | undefined;
  const watches = () =>
    (reading ??= platform.states<WatchState>(detect, models()).finally(() => (reading = undefined)));
  metrics.gauge(
    'gyre_outcomes',
    'Labels and predictions that ran out of time, by what became of them',
    ['model', 'kind'],
    async (gauge) => {
      for (const [model, { counts }] of await watches()) {
        for (const [kind, count] of Object.entries(counts)) gauge.set({ model, kind }, count);
      }
    },
  );
  metrics.gauge('gyre_incidents_open', 'Incidents that are not over', ['model', 'kind', 'severity'], async (gauge) => {
    gauge.reset();
    for (const [model, { incidents }] of await watches())
      for (const { kind, severity } of incidents.open) gauge.inc({ model, kind, severity });
  });
  metrics.gauge(
    'gyre_fairness_gap',
    'Of the newest full window, by declared input: the largest difference between its groups',
    ['model', 'feature', 'gap'],
    (gauge) => {
      gauge.reset();
      for (const model of models())
        for (const { feature, demographicParityDifference, equalizedOddsDifference } of history.of(model).at(-1)
          ?.fairness ?? []) {
          if (demographicParityDifference !== null)
            gauge.set({ model, feature, gap: 'demographicParity' }, demographicParityDifference);
          if (equalizedOddsDifference !== null)
            gauge.set({ model, feature, gap: 'equalizedOdds' }, equalizedOddsDifference);
        }
    },
  );
  metrics.gauge(
    'gyre_model_performance',
    'The newest full window of outcomes, whichever versions answered, by metric',
    ['model', 'metric'],
    (gauge) => {
      for (const model of models()) {
        const newest = history.of(model).at(-1);
        for (const [metric, value] of Object.entries(newest?.metrics ?? {}))
          if (value !== null) gauge.set({ model, metric }, value);
      }
    },
  );
}
