import { GyreError } from '@gyre/contracts';
import mongoose, { type Connection } from 'mongoose';
import { messageOf } from '../../folding/dead-letter.js';
import type { MongoOptions } from '../options.js';
import type { Outage } from '../outage.js';
import { NoAnswer, within } from '../within.js';

export type { Connection };

const SELECTION_MS = 5_000;
const DUPLICATE_KEY = 11_000;
const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 2_000;
/** How long somebody who waits for an answer waits. */
export const PROMPT_MS = 5_000;

/** Waits so long for servers that are away. @throws GyreError PLATFORM_UNAVAILABLE */
export async function openMongo(
  { url, database }: MongoOptions,
  { forMs, outage }: { forMs: number; outage: Outage },
): Promise<Connection> {
  const until = performance.now() + forMs;
  try {
    return await patiently(() => connected(url, database), { outage, isClosed: () => false, until });
  } catch (error) {
    throw unreached(error);
  }
}

function unreached(error: unknown): GyreError {
  return new GyreError(
    'PLATFORM_UNAVAILABLE',
    `MongoDB cannot be reached: ${messageOf(error)}; see that the servers of platform.mongodb run and take these credentials, then try again`,
  );
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

/** Those of a socket that died while it was written to, which the driver passes on as they are. */
const LOST_SOCKET = new Set([
  'EPIPE',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
]);

export function passes(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  const { code, errorResponse } = error as { code?: unknown; errorResponse?: unknown };
  // FerretDB over SQLite, where another process's command holds the file for too long.
  if (error.message.includes('SQLITE_BUSY') || error instanceof NoAnswer) return true;
  if (typeof code === 'string' && LOST_SOCKET.has(code)) return true;
  if (PASSING.test(error.name) || (typeof code === 'number' && PASSING_CODES.has(code))) return true;
  // A bulk write has another error inside where the connection failed it.
  return passes(errorResponse);
}

/** Two that insert under the same key: one is told so. */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === DUPLICATE_KEY;
}

export interface Patience {
  outage: Outage;
  isClosed: () => boolean;
  /** Of the process's clock, milliseconds. */
  until?: number;
  /** Whether the work finds or makes what another may be making: of two upserts one may fail, and finds it when tried again. */
  races?: boolean;
}

/** Does the work again, later each time, while the database is away. It must bear being done twice. */
export async function patiently<T>(
  work: () => Promise<T>,
  { outage, isClosed, until = Infinity, races = false }: Patience,
): Promise<T> {
  let answered: (() => void) | undefined;
  try {
    for (let wait = BACKOFF_MS; ; wait = Math.min(2 * wait, BACKOFF_MS_MAX)) {
      try {
        const answer = await work();
        outage.answered();
        return answer;
      } catch (error) {
        if (isClosed() || !(passes(error) || (races && isDuplicate(error)))) throw error;
        if (passes(error)) {
          answered ??= outage.wait();
          outage.failed(error);
        }
        if (performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  } finally {
    answered?.();
  }
}

/**
 * The same for those who wait for an answer: an operator's call, a prediction, a scrape. Where none comes they learn that.
 * @throws GyreError PLATFORM_UNAVAILABLE after `PROMPT_MS`
 */
export async function promptly<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const tried = briefly(work, patience);
  try {
    return await within(PROMPT_MS, tried);
  } catch (error) {
    throw error instanceof NoAnswer ? unreached(error) : error;
  }
}

/** The same for what may take longer as long as it goes on: no try begins after `PROMPT_MS`. @throws GyreError PLATFORM_UNAVAILABLE */
export async function briefly<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  try {
    return await patiently(work, { ...patience, until: performance.now() + PROMPT_MS });
  } catch (error) {
    throw passes(error) ? unreached(error) : error;
  }
}
