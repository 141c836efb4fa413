import { GyreError } from '@gyre/contracts';
import mongoose, { type Connection } from 'mongoose';
import { messageOf } from '../../folding/dead-letter.js';
import type { Logger } from '../../logger.js';
import type { MongoOptions } from '../options.js';

export type { Connection };

const SELECTION_MS = 5_000;
const DUPLICATE_KEY = 11_000;
const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 2_000;

/** Waits so long for servers that are away. @throws GyreError PLATFORM_UNAVAILABLE */
export async function openMongo(
  { url, database }: MongoOptions,
  { forMs = 0, logger = () => undefined }: { forMs?: number; logger?: Logger } = {},
): Promise<Connection> {
  const until = performance.now() + forMs;
  try {
    return await patiently(() => connected(url, database), { logger, isClosed: () => false, until });
  } catch (error) {
    throw new GyreError(
      'PLATFORM_UNAVAILABLE',
      `MongoDB cannot be reached: ${messageOf(error)}; see that the servers of platform.mongodb run and take these credentials, then start again`,
    );
  }
}

async function connected(url: string, database: string): Promise<Connection> {
  const connection = mongoose.createConnection(url, {
    dbName: database,
    appName: 'gyre',
    autoIndex: false,
    autoCreate: false,
    bufferCommands: false,
    serverSelectionTimeoutMS: SELECTION_MS,
    writeConcern: { w: 'majority' },
  });
  try {
    return await connection.asPromise();
  } catch (error) {
    await connection.destroy().catch(() => undefined);
    throw error;
  }
}

/** Names of errors that pass: the connection is lost, or another server becomes the primary. */
const PASSING =
  /^Mongo(ose)?(Network|NetworkTimeout|ServerSelection|NotConnected|PoolCleared|PoolClosed|Topology|WriteConcern|Stale)/;
/** Codes of errors that pass: no primary, stepping down, shutting down, interrupted, exceeded time, lost connection. */
const PASSING_CODES = new Set([6, 7, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436]);

export function passes(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  // FerretDB over SQLite, where another process's command holds the file for too long.
  if (error.message.includes('SQLITE_BUSY')) return true;
  return PASSING.test(error.name) || (typeof code === 'number' && PASSING_CODES.has(code));
}

/** Two that insert under the same key: one is told so. */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === DUPLICATE_KEY;
}

export interface Patience {
  logger: Logger;
  isClosed: () => boolean;
  /** Of the process's clock, milliseconds. */
  until?: number;
  /** Whether the work finds or makes what another may be making: of two upserts one may fail, and finds it when tried again. */
  races?: boolean;
}

/** Does the work again, later each time, while the database is away. It must bear being done twice. */
export async function patiently<T>(
  work: () => Promise<T>,
  { logger, isClosed, until = Infinity, races = false }: Patience,
): Promise<T> {
  for (let wait = BACKOFF_MS; ; wait = Math.min(2 * wait, BACKOFF_MS_MAX)) {
    try {
      return await work();
    } catch (error) {
      if (!(passes(error) || (races && isDuplicate(error))) || isClosed() || performance.now() > until) throw error;
      logger('warn', 'MongoDB does not answer; trying again', { error: messageOf(error), waitMs: wait });
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
