import { createHash } from 'node:crypto';
import { freePort } from '../../../tools/servers/index.mjs';

/**
 * How one Gyre is put together on a platform. Everything that the suite, and the trials by chance, know of platforms stands here: another one is
 * another entry, and `E2E_PLATFORM` names it to the suite.
 */
export interface Deployment {
  /** Every process of one Gyre, on ports that are free now. */
  processes(place: Place): Promise<ProcessPlan[]>;
  /** What a replay is told of the platform, besides its data directory. @param file with the settings */
  replay(file: string): string[];
  /** Settings of every Gyre, by section. */
  readonly settings: Settings;
}

export interface Place {
  /** What is kept between two starts; of this Gyre alone. */
  dataDir: string;
  /** A file with the settings of every process. */
  settings: string;
}

/** One process. */
export interface ProcessPlan {
  /** The service that it runs; `gyre` where it runs all. */
  name: string;
  /** What follows `gyre` on its command line. */
  argv: string[];
  url: string;
  grpcAddress: string;
}

/** By section, as in `gyre.yaml`. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const SERVICES = [
  ...['ingestion', 'feature-store', 'gateway', 'drift-monitor'],
  ...['retrain-trigger', 'trainer', 'registry', 'console'],
];

/** All services in one process, on one SQLite file. */
export const embedded: Deployment = {
  processes: async (place) => [await planOf('gyre', [], place)],
  replay: () => [],
  // Decisions are taken at ticks: quick ones keep the suite quick.
  settings: { platform: { tickEveryMs: 100 } },
};

/** Every service in a process of its own, on Kafka and MongoDB. @param servers `host:port`, and a connection string */
export function cluster(servers: { kafka: string; mongodb: string }): Deployment {
  return {
    processes: (place) => Promise.all(SERVICES.map((service) => planOf(service, [service], place))),
    replay: (file) => ['--platform', 'cluster', '--config', file],
    settings: {
      platform: {
        kind: 'cluster',
        partitions: 2,
        // As long as in production, and so are fetches: quicker ones keep two cores busy with eight idle processes.
        tickEveryMs: 1_000,
        kafka: {
          brokers: [servers.kafka],
          replication: 1,
          // A process that was killed is missed soon, one that gets little of a core is not.
          sessionTimeoutMs: 10_000,
          heartbeatEveryMs: 1_500,
        },
        mongodb: { url: servers.mongodb },
      },
    },
  };
}

/**
 * The settings of one Gyre's processes: the deployment's, over them the caller's, and who is where.
 * @param token one of `auth.tokens`, if there are any
 */
export function settingsOf(
  { settings }: Deployment,
  own: Settings,
  { dataDir, plans, token }: { dataDir: string; plans: readonly ProcessPlan[]; token: string | undefined },
): Settings {
  const merged: Record<string, Record<string, unknown>> = {};
  for (const part of [settings, own, peersOf(plans, token)])
    for (const [section, keys] of Object.entries(part)) merged[section] = { ...merged[section], ...keys };
  const { platform } = merged;
  if (platform?.['kind'] === 'cluster') {
    // Topics and database of this Gyre alone, found again at its next start.
    const name = `e2e-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
    platform['kafka'] = { ...(platform['kafka'] as object), prefix: `${name}.` };
    platform['mongodb'] = { ...(platform['mongodb'] as object), database: name };
  }
  return merged;
}

function peersOf(plans: readonly ProcessPlan[], token: string | undefined): Settings {
  if (plans.length < 2) return {};
  const http = Object.fromEntries(plans.map(({ name, url }) => [name, url]));
  const grpc = Object.fromEntries(plans.map(({ name, grpcAddress }) => [name, grpcAddress]));
  return { peers: { http, grpc, ...(token === undefined ? {} : { token }) } };
}

async function planOf(name: string, services: string[], { dataDir, settings }: Place): Promise<ProcessPlan> {
  const [http, grpc] = [await freePort(), await freePort()];
  const ports = ['--http-port', String(http), '--grpc-port', String(grpc)];
  return {
    name,
    argv: ['up', ...services, '--data-dir', dataDir, '--config', settings, ...ports],
    url: `http://127.0.0.1:${http}`,
    grpcAddress: `127.0.0.1:${grpc}`,
  };
}
