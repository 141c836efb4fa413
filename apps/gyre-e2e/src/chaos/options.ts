import { parseArgs } from 'node:util';

export interface ChaosOptions {
  seed: number;
  /** How often something is killed. */
  kills: number;
  /** Instead of kills: broker and database are away for so many seconds, one after the other. */
  outageSeconds: number | null;
  platform: 'embedded' | 'cluster';
  /** Rows of elec2. */
  rows: number;
  /** Instead of all that: predictions alone, through the gRPC port, on one process. */
  answered: boolean;
}

const ROWS = 45_312;
/** Broker and database: each is away once. */
const SERVERS = 2;
const USAGE = `npm run chaos -- [--seed N] [--kills N] [--outage SECONDS] [--limit ROWS] [--platform embedded|cluster]

Takes elec2 through a Gyre whose processes, broker and database are killed (kill -9) at random moments and started again, then counts: every
event that was accepted must have had its effect exactly once. Exit code 0 only if nothing is lost or doubled.

  --seed N        of the moments and victims (default: by chance; it is printed)
  --kills N       at least so many kills (default 20)
  --outage S      instead of kills: the broker, then the database is away for S seconds; tells what the processes take of memory meanwhile
  --limit ROWS    only the first so many rows (default: all ${ROWS})
  --answered      instead: 2,000 predictions a second through the gRPC port of one process, which is killed half a second after its first answer each
                  time; what was answered must be in gyre.predictions, in the outcomes and in Parquet
  --platform P    embedded: one process on SQLite. cluster: every service alone, on Kafka and MongoDB (default)`;

/** @returns undefined where the arguments are wrong or help is wanted; then it has been said */
export function chaosOptions(argv: readonly string[]): ChaosOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        seed: { type: 'string' },
        kills: { type: 'string' },
        outage: { type: 'string' },
        limit: { type: 'string', default: String(ROWS) },
        platform: { type: 'string', default: 'cluster' },
        answered: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) throw new RangeError('');
    const { platform } = values;
    if (platform !== 'embedded' && platform !== 'cluster')
      throw new RangeError(`--platform takes embedded or cluster, not ${platform}`);
    if (values.outage !== undefined && (values.kills !== undefined || platform === 'embedded'))
      throw new RangeError('--outage stands instead of --kills, and takes the servers of a cluster away');
    const outageSeconds = values.outage === undefined ? null : whole('outage', values.outage, 1, 3_600);
    return {
      outageSeconds,
      seed: whole('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0, 2 ** 31),
      kills: outageSeconds === null ? whole('kills', values.kills ?? '20', 0, 1_000) : SERVERS,
      rows: whole('limit', values.limit, 400, ROWS),
      platform,
      answered: values.answered,
    };
  } catch (error) {
    const { message } = error as Error;
    console.error(message === '' ? USAGE : `${message}\n\n${USAGE}`);
    return undefined;
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`--${name} takes a whole number from ${min} to ${max}, not ${text}`);
}
