/**
 * `npm run demo`, `npm start`, `npm test`, `npm run bench`, `npm run servers`, `npm run chaos`: on a fresh clone each installs and builds what is missing, then goes on under the Node
 * that the lockfile pins. This file needs nothing but Node 20.
 */
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { PLATFORM_FLAGS, root, run } from './pinned-node.mjs';

const gyre = join(root, 'apps/gyre/dist/main.js');
const jest = ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js')];
const elec2 = [join(root, 'examples/data/elec2.csv.gz'), '--spec', join(root, 'examples/elec2.yaml')];

const COMMANDS = {
  // elec2's rows are half-hours from 7 May 1996 on.
  demo: [...PLATFORM_FLAGS, gyre, 'replay', ...elec2, '--start', '1996-05-07', '--interval', '30m', '--serve'],
  start: [...PLATFORM_FLAGS, gyre, 'up'],
  test: jest,
  bench: [...PLATFORM_FLAGS, join(root, 'bench/run.mjs')],
  chaos: ['--enable-source-maps', join(root, 'apps/gyre-e2e/dist/chaos/main.js')],
  servers: [join(root, 'tools/servers/main.mjs')],
};

const [name, ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  console.error(`usage: node tools/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`);
  process.exit(2);
}
const node = await prepare();
process.exitCode = await run(node, [...command, ...args], { ipc: name !== 'test' && name !== 'bench' });
