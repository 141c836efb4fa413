#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from '../../../tools/prepare.mjs';
import { root, run } from '../../../tools/pinned-node.mjs';

const node = await prepare();
const main = join(root, 'apps/gyre/dist/main.js');
if (realpathSync(node) === realpathSync(process.execPath)) {
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(main).href);
} else {
  process.exitCode = await run(node, ['--enable-source-maps', main, ...process.argv.slice(2)], { ipc: true });
}
