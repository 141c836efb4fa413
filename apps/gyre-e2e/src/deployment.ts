/**
 * How one Gyre is put together on a platform. Everything that the suite knows of platforms stands here: another one is another entry, and
 * `E2E_PLATFORM` names it.
 */
export interface Deployment {
  /**
   * The command lines (of the executable `gyre`) of all processes of one Gyre. The first serves HTTP and gRPC, on free ports.
   *
   * @param dataDir what is kept between two starts; of this Gyre alone
   * @param settings file with the settings of every process
   */
  processes(dataDir: string, settings: string): string[][];
  /** What a replay is told of the platform, besides its data directory. */
  readonly replay: readonly string[];
  /** Settings of every Gyre, by section. */
  readonly settings: Settings;
}

/** By section, as in `gyre.yaml`. */
export type Settings = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const deployments: Readonly<Record<string, Deployment>> = {
  /** All services in one process, on one SQLite file. */
  embedded: {
    processes: (dataDir, settings) => [
      ['up', '--data-dir', dataDir, '--config', settings, '--http-port', '0', '--grpc-port', '0'],
    ],
    replay: [],
    // Decisions are taken at ticks: quick ones keep the suite quick.
    settings: { platform: { tickEveryMs: 100 } },
  },
};

const chosen = process.env['E2E_PLATFORM'] ?? 'embedded';

export const deployment: Deployment =
  deployments[chosen] ??
  (() => {
    throw new RangeError(`E2E_PLATFORM is ${chosen}; there are: ${Object.keys(deployments).join(', ')}`);
  })();
