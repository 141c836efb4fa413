import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlatformHarness } from '../contract/harness.js';
import { EmbeddedPlatform } from './embedded-platform.js';
import { EMBEDDED_STEPS } from './options.js';

/** The embedded platform as the contract suite takes it: a place is a data directory. */
export const harness: PlatformHarness = {
  name: 'embedded',
  module: import.meta.url,
  steps: EMBEDDED_STEPS,
  secondOwner: 'refused',
  place: () => mkdtemp(join(tmpdir(), 'gyre-')),
  open: async (dir, options = {}) => EmbeddedPlatform.open({ dir, partitions: 3, tickEveryMs: null, ...options }),
  remove: (dir) => rm(dir, { recursive: true, force: true }),
  spoil: (dir, sha256) => writeFile(join(dir, 'artifacts', 'sha256', sha256.slice(0, 2), sha256.slice(2)), 'spoilt'),
};
