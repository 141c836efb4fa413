#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from '../../../tools/prepare.mjs';
import { PLATFORM_FLAGS, root, run } from '../../../tools/pinned-node.mjs';

/** Commands that run the platform, in a process of its own with flags of its own. */
const LONG = ['up', 'replay'];

const node = await prepare();
const main = join(root, 'apps/gyre/dist/main.js');
if (!LONG.includes(process.argv[2]) && realpathSync(node) === realpathSync(process.execPath)) {
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(main).href);
} else {
  process.exitCode = await run(node, [...PLATFORM_FLAGS, main, ...process.argv.slice(2)], { ipc: true });
}
