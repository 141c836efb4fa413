import { join } from 'node:path';
import { Config, createLogger, host, HOSTING_SECTIONS, LogConfig, type Host, type Service } from '@gyre/hosting';
import { z } from 'zod';
import { BackupModule } from './backup/backup.http.js';
import type { DataPlaces } from './backup/take.js';
import { openPlatform, openPlatformLate } from './open-platform.js';
import { PlatformConfig } from './platform.config.js';
import { services } from './services.js';

type Overrides = Record<string, Record<string, unknown>>;

export interface UpOptions {
  /** Names of services; default: all. */
  only?: readonly string[];
  dataDir?: string | undefined;
  configFile?: string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
  /** Settings by section, over all others. */
  overrides?: Overrides;
}

/**
 * Starts services in this process.
 * @throws GyreError CONFIG_INVALID, DATA_DIR_IN_USE, DATA_DIR_VERSION, TOPIC_MISMATCHED, PLATFORM_UNAVAILABLE
 */
export async function up({ only, dataDir, configFile, env = {}, overrides = {} }: UpOptions): Promise<Host> {
  const settings = { known: sections(), file: configFile, env, overrides: inDirectory(dataDir, overrides) };
  const { dir } = platformSettings({ configFile, env, overrides: settings.overrides });
  const defaults = { gateway: { logDir: join(dir, 'gateway') }, 'feature-store': { archiveDir: join(dir, 'archive') } };
  const config = Config.load({ ...settings, defaults });
  const logger = createLogger(config.read('log', LogConfig).level);
  const [here, elsewhere] = divided(only);
  const canWait = here.every(({ knowsEnough }) => knowsEnough?.(config) ?? false);
  const platform = await (canWait ? openPlatformLate : openPlatform)(config, logger);
  try {
    const backup = { name: 'backup', module: BackupModule.of(placesOf(config)) };
    return await host([...here, backup], platform, config, logger, elsewhere);
  } catch (error) {
    await platform.close();
    throw error;
  }
}

/** The settings of the platform alone. @throws GyreError CONFIG_INVALID */
export function platformSettings({ configFile, env = {}, overrides = {} }: Omit<UpOptions, 'only' | 'dataDir'>) {
  return Config.load({ known: sections(), file: configFile, env, overrides }).read('platform', PlatformConfig);
}

/**
 * A platform of a replay's own: one partition, so that everything has one order, no clock but the data's, and free ports.
 * @param servers settings of `platform` that name Kafka and MongoDB; default: the embedded platform
 */
export function startReplayPlatform({ dataDir, servers }: { dataDir: string; servers?: object }): Promise<Host> {
  return up({
    dataDir,
    overrides: {
      platform: { ...servers, partitions: 1, tickEveryMs: null },
      // What is turned away comes again in another order, and what is shed is no evidence: a replay waits instead.
      gateway: {
        concurrencyMax: 1_000_000,
        queueDelayTargetMs: null,
        featuresDeadlineMs: 600_000,
        loopRunMicrosMax: 1e9, // a shadow that runs elsewhere may be given up
        shadowRowsMax: Number.MAX_SAFE_INTEGER,
        logGatherMs: 0, // a step waits for its records
      },
      trainer: { threads: 2 }, // nothing else is at work while a replay waits for a run
      http: { port: 0 },
      grpc: { port: 0 },
      log: { level: 'warn' },
    },
  });
}

/** Where everything lies that a backup holds; null where it lies in servers. */
function placesOf(config: Config): DataPlaces | null {
  const { kind, dir, partitions } = config.read('platform', PlatformConfig);
  if (kind !== 'embedded') return null;
  const { logDir } = config.read('gateway', z.looseObject({ logDir: z.string() }));
  const { archiveDir } = config.read('feature-store', z.looseObject({ archiveDir: z.string() }));
  return { dir, partitions, logDir, archiveDir };
}

/** The services of this process, and those of others. */
function divided(names: readonly string[] | undefined): [Service[], Service[]] {
  const isHere = ({ name }: Service): boolean => names === undefined || names.includes(name);
  return [services.filter(isHere), services.filter((service) => !isHere(service))];
}

/** The sections that settings may have: one that nothing reads stops the start. */
function sections(): string[] {
  return ['platform', ...HOSTING_SECTIONS, ...services.filter((service) => service.settings).map(({ name }) => name)];
}

function inDirectory(dataDir: string | undefined, overrides: Overrides): Overrides {
  return dataDir === undefined ? overrides : { ...overrides, platform: { ...overrides['platform'], dir: dataDir } };
}
