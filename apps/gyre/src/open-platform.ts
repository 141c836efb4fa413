import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { GyreError, topics } from '@gyre/contracts';
import type { Config, Logger } from '@gyre/hosting';
import { ClusterPlatform, EmbeddedPlatform, LatePlatform, type KafkaOptions, type Platform } from '@gyre/platform';
import { PlatformConfig } from './platform.config.js';

/** Opens the platform that the settings name. @throws GyreError DATA_DIR_IN_USE, DATA_DIR_VERSION, TOPIC_MISMATCHED, PLATFORM_UNAVAILABLE */
export async function openPlatform(config: Config, logger: Logger): Promise<Platform> {
  const settings = config.read('platform', PlatformConfig);
  const log = logger.child({ part: 'platform' });
  const platform = await open(settings, (level, message, fields) => log[level](message, fields));
  expireNowAndThen(platform, settings, log);
  return platform;
}

/**
 * The same for services that can work on what they last knew: where servers are away for `lastKnownAfterMs`, the platform is one that is opened behind.
 * @throws GyreError as openPlatform does, but PLATFORM_UNAVAILABLE
 */
export async function openPlatformLate(config: Config, logger: Logger): Promise<Platform> {
  const settings = config.read('platform', PlatformConfig);
  const { kafka, partitions, tickEveryMs, lastKnownAfterMs } = settings;
  if (settings.kind === 'embedded' || kafka === undefined) return openPlatform(config, logger);
  const log = logger.child({ part: 'platform' });
  const first = open(settings, (level, message, fields) => log[level](message, fields));
  const opened = await Promise.race([first.catch(unlessAway), pause(lastKnownAfterMs, null, { ref: false })]);
  const platform =
    opened ??
    new LatePlatform({
      partitions,
      live: tickEveryMs !== null,
      recipe: ClusterPlatform.recipeFor({ kafka: kafkaOptionsOf(kafka), partitions }),
      open: once(first, () => open(settings, (level, message, fields) => log[level](message, fields))),
      failed: (error) => log.warn('the platform is away; it is tried again', { error: error.message }),
    });
  expireNowAndThen(platform, settings, log);
  return platform;
}

function unlessAway(error: unknown): null {
  if (error instanceof GyreError && error.code === 'PLATFORM_UNAVAILABLE') return null;
  throw error;
}

/** The first time what has begun already. */
function once<T>(first: Promise<T>, again: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | null = first;
  first.catch(() => undefined);
  return () => {
    const next = begun ?? again();
    begun = null;
    return next;
  };
}

function expireNowAndThen(platform: Platform, settings: PlatformConfig, log: Logger): void {
  if (settings.tickEveryMs !== null) {
    const expire = () =>
      platform
        .expire(Date.now())
        .catch((error: Error) => log.error('expired records could not be deleted', { error: error.message }));
    setInterval(() => void expire(), settings.expireEveryMinutes * 60_000).unref();
  }
}

type Log = NonNullable<Parameters<typeof EmbeddedPlatform.open>[0]['logger']>;

async function open(settings: PlatformConfig, logger: Log): Promise<Platform> {
  const { kind, dir, partitions, tickEveryMs, fsync, startTimeoutMs, stateCacheBytes, kafka, mongodb } = settings;
  if (kind === 'embedded' || kafka === undefined || mongodb === undefined)
    return EmbeddedPlatform.open({ dir, partitions, tickEveryMs, fsync, logger });
  return ClusterPlatform.open({
    kafka: kafkaOptionsOf(kafka),
    mongodb,
    partitions,
    tickEveryMs,
    startTimeoutMs,
    stateCacheBytes,
    topics: Object.values(topics),
    logger,
  });
}

/** Reads the certificates. @throws GyreError CONFIG_INVALID */
export function kafkaOptionsOf({ tls, sasl, ...others }: NonNullable<PlatformConfig['kafka']>): KafkaOptions {
  return { ...others, ...(sasl === undefined ? {} : { sasl }), tls: typeof tls === 'boolean' ? tls : pemOf(tls) };
}

function pemOf({ caFile, certFile, keyFile }: Exclude<NonNullable<PlatformConfig['kafka']>['tls'], boolean>) {
  const tls: Exclude<KafkaOptions['tls'], boolean | undefined> = {};
  if (caFile !== undefined) tls.ca = pem('caFile', caFile);
  if (certFile !== undefined) tls.cert = pem('certFile', certFile);
  if (keyFile !== undefined) tls.key = pem('keyFile', keyFile);
  return tls;
}

function pem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new GyreError(
      'CONFIG_INVALID',
      `platform.kafka.tls.${setting}: cannot read ${file}: ${(error as Error).message}`,
    );
  }
}
