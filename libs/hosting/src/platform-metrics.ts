import { topics } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';
import type { Metrics } from './metrics.js';

/** What ops teams ask of every process: how far behind, what was refused, what was decided. Counters count from the log's beginning. */
export function measurePlatform(platform: Platform, metrics: Metrics): void {
  metrics.gauge(
    'gyre_group_lag_records',
    'Records that a consumer group has not read yet',
    ['group', 'topic'],
    async (gauge) => {
      gauge.reset();
      // To be read from servers that are known to be away, it would be waited for in vain.
      if (platform.away !== null) return;
      for (const { group, topic, lag } of await platform.lag()) gauge.inc({ group, topic }, lag);
    },
  );
  const letters = metrics.counter(
    'gyre_dead_letters_total',
    'Events that were refused or given up, by group and code',
    ['group', 'code'],
  );
  platform.follow(
    'hosting.dead-letters',
    topics.deadletter,
    ({ event: { group, code } }) => void letters.inc({ group, code }),
  );
  const decisions = metrics.counter(
    'gyre_lifecycle_events_total',
    'Decisions and what led to them, by model and type',
    ['model', 'type'],
  );
  platform.follow(
    'hosting.decisions',
    topics.lifecycle,
    ({ event: { model, type } }) => void decisions.inc({ model, type }),
  );
}
