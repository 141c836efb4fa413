import { GyreError } from '@gyre/contracts';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory, with those above it, unless it is there.
 *
 * Not by mkdir's `recursive`: where a file system denies that a parent exists which does, as /proc does, that never returns.
 *
 * @throws GyreError CONFIG_INVALID where it cannot be made or written
 */
export function makeDirectory(path: string): void {
  try {
    make(resolve(path));
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new GyreError(
      'CONFIG_INVALID',
      `cannot keep data in the directory ${path}: ${(error as Error).message}; choose one that this user may write`,
      { dir: path },
    );
  }
}

function make(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory() === true) return;
  if (there !== undefined) throw new Error(`${path} is a file`);
  const parent = dirname(path);
  if (parent !== path) make(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody else was quicker.
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error;
  }
}
