#!/usr/bin/env node
import { join } from 'node:path';
import { prepare } from '../../../tools/prepare.mjs';
import { root, run } from '../../../tools/pinned-node.mjs';

const node = await prepare();
process.exitCode = await run(
  node,
  ['--enable-source-maps', join(root, 'apps/gyre/dist/main.js'), ...process.argv.slice(2)],
  { ipc: true },
);
