import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { notFound, sha256Of, verified } from '../artifact-content.js';
import { Artifacts } from '../artifacts.js';

/** Artifacts as files: `sha256/ab/<the other 62 digits>`, written beside, forced to the disk, then renamed. */
export class FileArtifacts extends Artifacts {
  constructor(private readonly dir: string) {
    super();
  }

  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Of(bytes);
    const path = this.#path(sha256);
    if (await this.#holds(path, sha256)) return sha256;
    await mkdir(dirname(path), { recursive: true });
    const partial = `${path}.${randomUUID()}`;
    try {
      const file = await open(partial, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncDirectory(dirname(path));
    return sha256;
  }

  async get(sha256: string): Promise<Uint8Array> {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await readFile(this.#path(sha256)));
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') throw notFound(sha256);
      throw error;
    }
    return verified(sha256, bytes);
  }

  /** Whether the file is there, whole: one that was spoilt is written anew. */
  async #holds(path: string, sha256: string): Promise<boolean> {
    try {
      return sha256Of(await readFile(path)) === sha256;
    } catch {
      return false;
    }
  }

  #path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw notFound(sha256);
    return join(this.dir, 'sha256', sha256.slice(0, 2), sha256.slice(2));
  }
}

async function syncDirectory(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
