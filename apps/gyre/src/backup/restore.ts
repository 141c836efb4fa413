import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { GyreError } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { MANIFEST, Manifest } from './manifest.js';
import { filesOf } from './tar.js';

/** A name that stays in its directory. */
const WITHIN = /^(gyre\.db|(gateway|artifacts|archive)\/.+|manifest\.json)$/;
const ARTIFACT = /^artifacts\/sha256\/([0-9a-f]{2})\/([0-9a-f]{62})$/;

/**
 * Reads a backup through, and compares every file with what the manifest says of it.
 * @param keep takes a file; by default none is kept
 * @throws GyreError BACKUP_INVALID
 */
export async function readBackup(
  path: string,
  keep?: (name: string, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<Manifest> {
  const found = new Map<string, { size: number; sha256: string }>();
  let manifest: Manifest | undefined;
  try {
    for await (const { name, size, content } of filesOf(createReadStream(path, { highWaterMark: 1 << 20 }))) {
      if (!WITHIN.test(name) || posix.normalize(name) !== name || found.has(name))
        throw new RangeError(`it holds ${name}, which no backup does`);
      const digest = createHash('sha256');
      const parts: Uint8Array[] = [];
      async function* read(): AsyncGenerator<Uint8Array> {
        for await (const bytes of content) {
          digest.update(bytes);
          if (name === MANIFEST) parts.push(bytes);
          yield bytes;
        }
      }
      if (keep === undefined || name === MANIFEST) for await (const _ of read());
      else await keep(name, read());
      if (name === MANIFEST) manifest = Manifest.parse(JSON.parse(Buffer.concat(parts).toString('utf8')));
      else found.set(name, { size, sha256: digest.digest('hex') });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    throw invalid(path, (error as Error).message);
  }
  if (manifest === undefined) throw invalid(path, 'it has no manifest at its end: it was cut off');
  for (const { name, size, sha256 } of manifest.files) {
    const is = found.get(name);
    if (is === undefined) throw invalid(path, `${name} is missing`);
    if (is.size !== size || is.sha256 !== sha256) throw invalid(path, `${name} is not what was backed up`);
    const [, head, tail] = ARTIFACT.exec(name) ?? [];
    if (head !== undefined && `${head}${tail}` !== sha256) throw invalid(path, `${name} was spoilt before the backup`);
    found.delete(name);
  }
  const [unknown] = found.keys();
  if (unknown !== undefined) throw invalid(path, `the manifest does not name ${unknown}`);
  return manifest;
}

/**
 * Makes a data directory of a backup. All of it is verified before it has its place; what fails leaves nothing behind.
 * @throws GyreError BACKUP_INVALID; COMMAND_REFUSED where the directory holds something
 */
export async function restore(path: string, dataDir: string): Promise<Manifest> {
  const there = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there !== undefined && there.length > 0)
    throw new GyreError(
      'COMMAND_REFUSED',
      `${dataDir} is not empty (it holds ${there.slice(0, 3).join(', ')}); restore into a new directory`,
    );
  // Inside, for the directory may be the root of a volume.
  const making = join(dataDir, `restoring-${randomUUID()}`);
  await mkdir(making, { recursive: true });
  try {
    const manifest = await readBackup(path, async (name, content) => {
      const target = join(making, name);
      await mkdir(dirname(target), { recursive: true });
      await pipeline(content, createWriteStream(target, { flags: 'wx', flush: true }));
    });
    assertSound(path, join(making, 'gyre.db'));
    // Opening it says whether this program knows the format.
    const platform = EmbeddedPlatform.open({ dir: making, partitions: manifest.partitions, tickEveryMs: null });
    await platform.close();
    // The database last: a directory without it is not taken for a restored one.
    const parts = (await readdir(making)).sort((a, b) => Number(a === 'gyre.db') - Number(b === 'gyre.db'));
    for (const name of parts) await rename(join(making, name), join(dataDir, name));
    return manifest;
  } catch (error) {
    if (there === undefined) await rm(dataDir, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

function assertSound(path: string, database: string): void {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    const [{ integrity_check: says }] = db.prepare('PRAGMA integrity_check').all() as [{ integrity_check: string }];
    if (says !== 'ok') throw invalid(path, `its database is damaged: ${says}`);
  } finally {
    db.close();
  }
}

function invalid(path: string, why: string): GyreError {
  return new GyreError('BACKUP_INVALID', `${path} cannot be restored: ${why}`, { path });
}
