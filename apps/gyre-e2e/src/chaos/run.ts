import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mulberry32 } from '@gyre/learning';
import type { LabelCounts, Lifecycle, Performance, TimelineEntry } from '@gyre/contracts';
import { startServers, type Servers } from '../../../../tools/servers/index.mjs';
import { cluster, embedded, settingsOf, type ProcessPlan, type Settings } from '../deployment.js';
import { Calls } from './calls.js';
import { Killer } from './killer.js';
import type { ChaosOptions } from './options.js';
import { Outages } from './outages.js';
import { account, labelAccounts, lifecycleAccounts, Parquet, tallied, type Account } from './reconcile.js';
import { MODEL, send, specs, VIEW, type SentRow } from './traffic.js';
import { GyreProcess, type Victim } from './victims.js';

const WINDOW = 100;
const SETTLE_MS = 300_000;
const READERS = 4;
/** What a process may take more of memory while a server is away: what it keeps to append, 32 MB, several times over. */
const GROWTH_BYTES_MAX = 150_000_000;
/** Entities that are looked up one by one; the archive tells of all. */
const LOOKED_UP_MAX = 200;

export interface ChaosResult {
  accounts: Account[];
  kills: number;
}

/**
 * One run: starts everything, sends, kills, waits until all is settled, and counts.
 * @param directory for data and logs
 * @param tell progress, for people
 */
export async function runChaos(
  options: ChaosOptions,
  directory: string,
  tell: (line: string) => void,
): Promise<ChaosResult> {
  const servers = options.platform === 'cluster' ? await startServers() : undefined;
  const world = await World.make(directory, servers);
  try {
    await world.start();
    const calls = new Calls();
    await calls.json('POST', `${world.front}/v1/specs`, specs(options.rows));
    await world.settle(calls);
    const grown: string[] = [];
    const killer =
      options.outageSeconds === null
        ? new Killer(world.victims, options, mulberry32(options.seed), tell)
        : new Outages(
            world.serverVictims,
            { seconds: options.outageSeconds, rows: options.rows },
            () => world.watchMemory(grown, tell),
            tell,
          );
    const began = performance.now();
    const to = { ingestion: world.urlOf('ingestion'), gateway: world.urlOf('gateway') };
    const sent = await send(options.rows, to, calls, (row) => killer.reached(row));
    const kills = await killer.end();
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    tell(
      `all ${sent.length} rows are sent, in ${seconds} s; ${calls.again} calls were made again. Waiting until all is settled …`,
    );
    await world.settle(calls);
    await world.flushArchive();
    const final = await finalSet(world, calls);
    const accounts = await reconciled(world, calls, sent, final);
    if (options.outageSeconds !== null)
      accounts.push(
        tallied(`processes that grew by over ${GROWTH_BYTES_MAX / 1e6} MB while a server was away`, 0, grown.length),
      );
    return { accounts, kills };
  } finally {
    await world.stop();
  }
}

export function accountTable(accounts: readonly Account[]): string {
  const width = Math.max(...accounts.map(({ effect }) => effect.length));
  const line = (effect: string, ...cells: (string | number)[]): string =>
    `${effect.padEnd(width)}${cells.map((cell) => String(cell).padStart(10)).join('')}`;
  return [
    line('effect', 'expected', 'found', 'lost', 'doubled'),
    ...accounts.map(({ effect, expected, found, lost, doubled }) => line(effect, expected, found, lost, doubled)),
    '',
  ].join('\n');
}

/** All processes, and the servers below them. */
class World {
  private readonly processes: GyreProcess[];

  private constructor(
    private readonly plans: readonly ProcessPlan[],
    private readonly servers: Servers | undefined,
    private readonly settingsFile: string,
    private readonly settings: Settings,
    private readonly dataDir: string,
    directory: string,
  ) {
    this.processes = plans.map((plan) => new GyreProcess(plan, directory));
  }

  static async make(directory: string, servers: Servers | undefined): Promise<World> {
    const deployment =
      servers === undefined ? embedded : cluster({ kafka: servers.kafka.address, mongodb: servers.mongodb.url });
    const [dataDir, file] = [join(directory, 'data'), join(directory, 'gyre.yaml')];
    const plans = await deployment.processes({ dataDir, settings: file });
    const own = {
      platform: { tickEveryMs: 500 },
      'feature-store': { archiveBatchEventsMin: 500 },
      // A look-up that fails makes a prediction that nothing is learnt from.
      gateway: { featuresDeadlineMs: 10_000 },
      log: { level: 'info' },
    };
    const settings = settingsOf(deployment, own, { dataDir, plans, token: undefined });
    const world = new World(plans, servers, file, settings, dataDir, directory);
    world.write(settings);
    return world;
  }

  get victims(): Victim[] {
    return [...this.processes, ...this.serverVictims];
  }

  get serverVictims(): Victim[] {
    const { servers } = this;
    if (servers === undefined) return [];
    const server = (name: 'kafka' | 'mongodb'): Victim => ({
      name,
      kill: () => servers[name].kill(),
      start: () => servers[name].start(),
    });
    return [server('kafka'), server('mongodb')];
  }

  /** @param grown takes the names of those that grow too much. @returns what ends the watch */
  watchMemory(grown: string[], tell: (line: string) => void): (server: string) => void {
    const before = new Map(this.processes.map((process) => [process, process.rssMaxBytes]));
    return (server) => {
      const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
      const lines = [...before].map(([process, bytes]) => {
        const now = process.rssMaxBytes;
        if (now - bytes > GROWTH_BYTES_MAX) grown.push(`${process.name} without ${server}`);
        return `${process.name} ${megabytes(bytes)} -> ${megabytes(now)}`;
      });
      tell(`  resident at most, MB, before and after: ${lines.join(', ')}`);
    };
  }

  get archiveDir(): string {
    return join(this.dataDir, 'archive');
  }

  /** Where the whole HTTP interface is. */
  get front(): string {
    return this.urlOf('console');
  }

  urlOf(service: string): string {
    const plan = this.plans.find(({ name }) => name === service || name === 'gyre');
    if (plan === undefined) throw new RangeError(`nobody runs ${service}`);
    return plan.url;
  }

  async start(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.start()));
  }

  async settle(calls: Calls): Promise<void> {
    await calls.json('POST', `${this.front}/v1/settle`, {}, SETTLE_MS);
  }

  /** Has everything written to Parquet that waits for more: the feature store is killed once more and started with other settings. */
  async flushArchive(): Promise<void> {
    const keeper = this.processes.find(({ name }) => name === 'feature-store' || name === 'gyre') as GyreProcess;
    const section = { ...this.settings['feature-store'], archiveBatchEventsMin: 1 };
    this.write({ ...this.settings, 'feature-store': section });
    await keeper.kill();
    await keeper.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    await this.servers?.stop();
  }

  private write(settings: Settings): void {
    // JSON is YAML.
    writeFileSync(this.settingsFile, JSON.stringify(settings));
  }
}

/** Trains once more, on everything. @returns the training set */
async function finalSet(world: World, calls: Calls): Promise<ArrayBuffer> {
  await world.settle(calls);
  const built = async (): Promise<string[]> =>
    (await decisions(world, calls)).flatMap((event) => (event.type === 'TrainingSetBuilt' ? [event.data] : []));
  const before = (await built()).length;
  await calls.json('POST', `${world.front}/v1/models/${MODEL}/retrain`, { reason: 'the end of a trial' });
  const end = Date.now() + SETTLE_MS;
  let all = await built();
  while (all.length <= before) {
    if (Date.now() > end) throw new Error('the last training set is not built in time');
    await world.settle(calls);
    all = await built();
  }
  await world.settle(calls);
  return calls.bytes('GET', `${world.front}/v1/artifacts/${all.at(-1)}`);
}

async function decisions(world: World, calls: Calls): Promise<Lifecycle[]> {
  const entries = await calls.json<TimelineEntry[]>('GET', `${world.front}/v1/models/${MODEL}/timeline?limit=10000`);
  return entries.reverse().map(({ event }) => event);
}

async function reconciled(world: World, calls: Calls, sent: SentRow[], final: ArrayBuffer): Promise<Account[]> {
  const get = <T>(path: string): Promise<T> => calls.json<T>('GET', `${world.front}${path}`);
  const parquet = await Parquet.open();
  const { archiveDir } = world;
  const every = Math.ceil(sent.length / LOOKED_UP_MAX);
  const looked = sent.filter((_, i) => i % every === 0);
  const ids = sent.map(({ prediction }) => prediction);
  const labelled = sent.map(({ prediction, label }) => `${prediction} ${label}`);
  try {
    return [
      account(
        'features in Parquet',
        sent.map(({ entity }) => entity),
        await parquet.archive(archiveDir, 'gyre.history', 'entity'),
      ),
      tallied(
        'entities that the online store shows as they were sent',
        looked.length,
        await shownOnline(world, calls, looked),
      ),
      account(
        'answered predictions in Parquet',
        ids,
        (await parquet.archive(archiveDir, 'gyre.predictions', 'prediction')).filter(isOneOf(ids)),
      ),
      account(
        'outcomes in Parquet, with the label that was sent',
        labelled,
        await parquet.archive(
          archiveDir,
          'gyre.outcomes',
          "prediction || ' ' || CAST(label AS INTEGER)",
          "kind <> 'expired'",
        ),
      ),
      account(
        'training rows in Parquet, of predictions made from features',
        sent.flatMap(({ prediction, label, fromFeatures }) => (fromFeatures ? [`${prediction} ${label}`] : [])),
        await parquet.trainingSet(final),
      ),
      ...labelAccounts(
        sent.length,
        await get<LabelCounts>(`/v1/models/${MODEL}/labels`),
        await get<Performance>(`/v1/models/${MODEL}/performance`),
        WINDOW,
      ),
      ...lifecycleAccounts(await decisions(world, calls)),
      tallied('dead letters', 0, (await get<unknown[]>('/v1/deadletters?limit=1000')).length),
    ];
  } finally {
    parquet.close();
  }
}

/** Predictions whose answer was lost on the way were made too; nobody has labelled them. */
function isOneOf(ids: readonly string[]): (id: string) => boolean {
  const known = new Set(ids);
  return (id) => known.has(id);
}

async function shownOnline(world: World, calls: Calls, sent: readonly SentRow[]): Promise<number> {
  interface Shown {
    revision: number;
    features: Record<string, { value: number }>;
  }
  let [next, right] = [0, 0];
  const read = async (): Promise<void> => {
    for (let row = sent[next++]; row !== undefined; row = sent[next++]) {
      const { entity, values } = row;
      const shown = await calls.json<Shown>('GET', `${world.urlOf('feature-store')}/v1/features/${VIEW}/${entity}`);
      const same = Object.entries(values).every(([field, value]) => shown.features[field]?.value === value);
      if (same && shown.revision === 1) right += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return right;
}
