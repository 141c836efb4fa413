import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../.servers/', import.meta.url));

/**
 * A directory that is made once of the files that say how, and again when they change. Two processes may make it at the same time: the first
 * to end gives the directory.
 * @param {string} name
 * @param {string[]} sources paths of the files that say how
 * @param {(directory: string) => Promise<void>} make fills an empty directory
 * @returns {Promise<string>} the directory
 */
export async function cached(name, sources, make) {
  const digest = createHash('sha256');
  for (const file of sources) digest.update(readFileSync(file)).update('\0');
  const directory = join(root, `${name}-${digest.digest('hex').slice(0, 12)}`);
  if (existsSync(directory)) return directory;
  const making = `${directory}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    await make(making);
    try {
      renameSync(making, directory);
    } catch (error) {
      if (!existsSync(directory)) throw error;
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return directory;
}

/** Runs a command to its end. @throws Error with the end of what it printed */
export async function command(name, args, cwd) {
  let output = '';
  const child = spawn(name, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`\`${name} ${args.join(' ')}\` failed:\n${output.trim().slice(-2000)}`);
  return output;
}
