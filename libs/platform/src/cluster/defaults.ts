import type { KafkaOptions } from './options.js';

/** What counts where nobody says anything. */
export function withDefaults(options: KafkaOptions) {
  return {
    prefix: options.prefix,
    compression: options.compression ?? 'gzip',
    replication: options.replication ?? -1,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 8_000,
    heartbeatEveryMs: options.heartbeatEveryMs ?? 1_500,
    fetchWaitMs: options.fetchWaitMs ?? 250,
    appendTimeoutMs: options.appendTimeoutMs ?? 15_000,
    retentionSlackDays: options.retentionSlackDays ?? 7,
  } as const;
}

export const STATE_CACHE_BYTES = 64_000_000;
export const START_TIMEOUT_MS = 60_000;
