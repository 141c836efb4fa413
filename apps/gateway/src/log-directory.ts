import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryLock, makeDirectory } from '@gyre/platform';
import type { ShippedLog } from './log-shipper.js';

/** A prediction log that nobody else in the world has open: its directory is called like the instance. */
export interface OwnedLog extends ShippedLog {
  release(): void;
}

const INSTANCE = /^gateway-[0-9a-f-]{36}$/;

/**
 * The logs in a directory that no living process has open. The first becomes this gateway's own, so that its name is the same at its next
 * start; a new one is made where there is none. The others were left by dead gateways that wrote here too.
 */
export function takeLogs(home: string): { own: OwnedLog; orphans: OwnedLog[] } {
  makeDirectory(home);
  const there = readdirSync(home)
    .filter((name) => INSTANCE.test(name))
    .sort();
  const free = there.map((instance) => take(home, instance)).filter((log) => log !== undefined);
  const [own = made(home), ...orphans] = free;
  return { own, orphans };
}

function made(home: string): OwnedLog {
  const instance = `gateway-${randomUUID()}`;
  mkdirSync(join(home, instance));
  return take(home, instance) ?? made(home);
}

function take(home: string, instance: string): OwnedLog | undefined {
  const directory = join(home, instance);
  const lock = DirectoryLock.tryTake(directory);
  return lock === undefined ? undefined : { directory, instance, release: () => lock.release() };
}
