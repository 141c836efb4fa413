/**
 * Holds a running Gyre to what people's own clients expect: tritonclient, over gRPC and HTTP. Needs Python 3.10 or newer with venv, and PyPI; without them it
 * is skipped, and fails in CI.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endForWantOf } from './missing.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'gyre-python-'));
const bin = join(home, 'venv', process.platform === 'win32' ? 'Scripts' : 'bin');
const quiet = { stdio: 'ignore', timeout: 240_000 };

const ready =
  spawnSync('python3', ['-m', 'venv', join(home, 'venv')], quiet).status === 0 &&
  spawnSync(join(bin, 'pip'), ['install', '-q', '-r', at('apps/gyre-e2e/python/requirements.txt')], quiet).status === 0;
if (!ready) {
  rmSync(home, { recursive: true, force: true });
  endForWantOf('the suite of Python clients needs python3 with venv (Debian: apt-get install python3-venv), and PyPI');
}

const args = [
  at('apps/gyre/dist/main.js'),
  'up',
  '--data-dir',
  join(home, 'data'),
  '--http-port',
  '0',
  '--grpc-port',
  '0',
];
// Its settings are its own: variables GYRE_* of the surroundings, such as those of tests, are not meant for it.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GYRE_')));
const gyre = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
const [, url, address] = await new Promise((resolve, reject) => {
  let text = '';
  gyre.once('exit', () => reject(new Error(`Gyre did not start: ${text}`)));
  gyre.stderr.on('data', (chunk) => {
    text += chunk;
    const found = /REST: http:\/\/(\S+) +gRPC: (\S+)/.exec(text);
    if (found !== null) resolve(found);
  });
});
const suite = at('apps/gyre-e2e/python/inference_protocol.py');
const { status } = spawnSync(join(bin, 'python'), [suite, address, url, at('bench/testdata')], { stdio: 'inherit' });
gyre.removeAllListeners('exit');
gyre.kill('SIGTERM');
await new Promise((resolve) => gyre.once('exit', resolve));
rmSync(home, { recursive: true, force: true });
process.exit(status ?? 1);
