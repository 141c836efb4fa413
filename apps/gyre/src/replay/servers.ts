import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeClusterPlatform } from '@gyre/platform';
import { kafkaOptionsOf } from '../open-platform.js';
import type { PlatformConfig } from '../platform.config.js';
import { platformSettings } from '../up.js';

/** Where a replay's topics and documents lie: `platform.kafka` and `platform.mongodb` with a prefix and a database of the replay's own. */
export interface ReplayServers {
  kind: 'cluster';
  kafka: NonNullable<PlatformConfig['kafka']>;
  mongodb: NonNullable<PlatformConfig['mongodb']>;
}

export interface ServerFlags {
  /** Settings, of which `platform.kafka` and `platform.mongodb` are read. */
  config?: string;
  /** Instead: some brokers, `host:port`, with commas between them. */
  kafka?: string;
  /** Instead: a connection string. */
  mongodb?: string;
}

const FILE = 'servers.json';

/**
 * The servers that flags or settings name. The replay's name there is kept in its directory, so that it finds its own when it goes on.
 * @throws GyreError CONFIG_INVALID
 */
export function replayServers(
  { config: configFile, kafka, mongodb }: ServerFlags,
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
): ReplayServers {
  const named = {
    ...(kafka === undefined ? {} : { kafka: { brokers: kafka.split(',') } }),
    ...(mongodb === undefined ? {} : { mongodb: { url: mongodb } }),
  };
  const settings = platformSettings({ configFile, env, overrides: { platform: { kind: 'cluster', ...named } } });
  const name = nameIn(directory);
  const [inKafka, inMongo] = [settings.kafka, settings.mongodb] as [ReplayServers['kafka'], ReplayServers['mongodb']];
  return {
    kind: 'cluster',
    kafka: { ...inKafka, prefix: `${inKafka.prefix}${name}.` },
    mongodb: { ...inMongo, database: `${inMongo.database}-${name}` },
  };
}

/** Deletes the replay's topics and database. */
export async function removeReplay({ kafka, mongodb }: ReplayServers): Promise<void> {
  await removeClusterPlatform({ kafka: kafkaOptionsOf(kafka), mongodb });
}

function nameIn(directory: string): string {
  const file = join(directory, FILE);
  if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { name: string }).name;
  const name = `replay-${randomUUID().slice(0, 8)}`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ name })}\n`);
  return name;
}
