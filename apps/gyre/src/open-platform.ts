import type { Config, Logger } from '@gyre/hosting';
import { EmbeddedPlatform, type Platform } from '@gyre/platform';
import { z } from 'zod';

export const PlatformConfig = z.strictObject({
  kind: z.literal('embedded').default('embedded'),
  /** The data directory. */
  dir: z.string().min(1).default('gyre-data'),
  /** Of every topic; fixed when the directory is made. */
  partitions: z.int().min(1).max(256).default(4),
  /** How often time is told to the folds; decisions are taken then. null: only a replay tells the time. */
  tickEveryMs: z.int().min(10).nullable().default(1_000),
  /** Wait for the disk at every commit: then loss of power takes nothing; without it, the death of the process takes nothing. */
  fsync: z.boolean().default(false),
  /** How often records past their topic's retention are deleted. */
  expireEveryMinutes: z.number().positive().default(60),
});
export type PlatformConfig = z.infer<typeof PlatformConfig>;

/** Opens the platform that the settings name. @throws GyreError DATA_DIR_IN_USE, DATA_DIR_VERSION, TOPIC_MISMATCHED */
export function openPlatform(config: Config, logger: Logger): Platform {
  const { dir, partitions, tickEveryMs, fsync, expireEveryMinutes } = config.read('platform', PlatformConfig);
  const log = logger.child({ part: 'platform' });
  const platform = EmbeddedPlatform.open({
    dir,
    partitions,
    tickEveryMs,
    fsync,
    logger: (level, message, fields) => log[level](message, fields),
  });
  if (tickEveryMs !== null) {
    const expire = () =>
      platform
        .expire(Date.now())
        .catch((error: Error) => log.error('expired records could not be deleted', { error: error.message }));
    setInterval(() => void expire(), expireEveryMinutes * 60_000).unref();
  }
  return platform;
}
