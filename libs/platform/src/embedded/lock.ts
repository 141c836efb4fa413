import { GyreError } from '@gyre/contracts';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

/**
 * One process owns a data directory. The lock is SQLite's on a file of its own, which the operating system releases however the process
 * ends. Nothing else may open that file: POSIX drops a process's locks on a file when any of its handles closes.
 */
export class DirectoryLock {
  private constructor(private readonly db: DatabaseSync) {}

  /** @throws GyreError DATA_DIR_IN_USE with the owner's pid */
  static take(dir: string): DirectoryLock {
    const lock = DirectoryLock.tryTake(dir);
    if (lock === undefined) throw inUse(dir, ownerOf(dir));
    return lock;
  }

  /** @returns undefined where somebody has it, be it another part of this process */
  static tryTake(dir: string): DirectoryLock | undefined {
    const db = new DatabaseSync(join(dir, 'lock.db'), { timeout: 0 });
    try {
      db.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      if (!isBusy(error)) throw error;
      return undefined;
    }
    writeFileSync(join(dir, 'owner.pid'), String(process.pid));
    return new DirectoryLock(db);
  }

  /** Closing ends the transaction, and with it the lock. */
  release(): void {
    this.db.close();
  }
}

/** The process that last took the directory. */
export function ownerOf(dir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dir, 'owner.pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

export function inUse(dir: string, pid: number | undefined): GyreError {
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new GyreError('DATA_DIR_IN_USE', `${dir} is in use by ${who}; stop it, or choose another --data-dir`, {
    dir,
    pid,
  });
}

function isBusy(error: unknown): boolean {
  return (error as { errcode?: unknown }).errcode === SQLITE_BUSY;
}
