import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Worker } from 'node:worker_threads';
import { MANIFEST, type Manifest } from './manifest.js';
import type { TarFile } from './tar.js';

/** Where an embedded platform keeps what a backup holds. */
export interface DataPlaces {
  /** The data directory. */
  dir: string;
  partitions: number;
  /** The gateway's prediction logs. */
  logDir: string;
  /** The Parquet history. */
  archiveDir: string;
}

/** Nobody's but a running process's, or made again at its next start. */
const PASSING = /(^|\/)(lock\.db.*|owner\.pid|tmp\/.*)$/;

/**
 * The files of a backup, consistent though everything goes on meanwhile, in this order:
 *
 * 1. Each prediction log, its cursor first. What is shipped later is in the database and in the log; the database knows its sequence and drops
 *    it when it is shipped again.
 * 2. The database as one transaction sees it.
 * 3. Artifacts and archive. They may hold more than the database names, never less: both are written before they are named, and never changed.
 */
export async function* backupOf({ dir, partitions, logDir, archiveDir }: DataPlaces): AsyncGenerator<TarFile> {
  const manifest: Manifest = {
    kind: 'gyre-backup',
    format: 1,
    takenAt: new Date().toISOString(),
    partitions,
    files: [],
  };
  const cursorsFirst = (a: string, b: string): number => Number(b.endsWith('cursor')) - Number(a.endsWith('cursor'));
  yield* filesIn(logDir, 'gateway', manifest, cursorsFirst);
  const snapshot = join(dir, `backup-${randomUUID()}.db`);
  try {
    await vacuumInto(join(dir, 'gyre.db'), snapshot);
    yield* file(snapshot, 'gyre.db', manifest);
  } finally {
    await rm(snapshot, { force: true });
  }
  yield* filesIn(join(dir, 'artifacts'), 'artifacts', manifest);
  yield* filesIn(archiveDir, 'archive', manifest);
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  yield { name: MANIFEST, size: text.length, content: once(text) };
}

/** Deletes what a backup left behind whose process died. */
export async function removeSnapshots(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (/^backup-[0-9a-f-]{36}\.db(-journal)?$/.test(name)) await rm(join(dir, name), { force: true });
  }
}

async function* filesIn(
  directory: string,
  under: string,
  manifest: Manifest,
  order: (a: string, b: string) => number = () => 0,
): AsyncGenerator<TarFile> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(absent([]));
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => !PASSING.test(name))
    .sort((a, b) => order(a, b) || (a < b ? -1 : 1));
  for (const name of names) yield* file(join(directory, name), `${under}/${name}`, manifest);
}

/** One file, as long as it is now; nothing where it is gone by now. */
async function* file(path: string, name: string, manifest: Manifest): AsyncGenerator<TarFile> {
  const handle = await open(path, 'r').catch(absent(undefined));
  if (handle === undefined) return;
  try {
    const { size } = await handle.stat();
    const digest = createHash('sha256');
    async function* content(): AsyncGenerator<Uint8Array> {
      if (size === 0) return;
      for await (const bytes of (handle as NonNullable<typeof handle>).createReadStream({
        start: 0,
        end: size - 1,
        autoClose: false,
      })) {
        digest.update(bytes as Buffer);
        yield bytes as Buffer;
      }
    }
    yield { name, size, content: content() };
    manifest.files.push({ name, size, sha256: digest.digest('hex') });
  } finally {
    await handle.close();
  }
}

/** SQLite copies for seconds what is large: on a thread of its own. */
async function vacuumInto(database: string, target: string): Promise<void> {
  const worker = new Worker(new URL('./vacuum.worker.js', import.meta.url), { workerData: { database, target } });
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the copying ended with code ${code}`))));
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function absent<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}
