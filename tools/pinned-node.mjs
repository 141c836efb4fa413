import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
/**
 * For Node where it runs the platform. The young generation holds what a batch of events leaves behind: larger, it is collected less often,
 * and less of it is copied.
 */
export const PLATFORM_FLAGS = ['--enable-source-maps', '--max-semi-space-size=64'];
/** Below this, several dependencies do not start. */
const NODE_NEEDED = [22, 22];

function suffices([major, minor]) {
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
}

/** The Node that the lockfile pins for this platform; where there is none (macOS), the one that runs this, if it is new enough. */
export function pinnedNode() {
  const pinned = `${root}node_modules/.bin/${process.platform === 'win32' ? 'node.exe' : 'node'}`;
  if (existsSync(pinned)) return pinned;
  if (suffices(process.versions.node.split('.').map(Number))) return process.execPath;
  console.error(
    `Gyre needs Node ${NODE_NEEDED.join('.')} or newer, and this is ${process.versions.node}. For ${process.platform}-${process.arch} the lockfile brings none:\n` +
      'install Node 24 (for example with nvm: `nvm install 24`), put it first on the PATH, and try again.',
  );
  process.exit(1);
}

/**
 * Runs a command to its end, signals passed on.
 * @param {{ ipc?: boolean, quiet?: boolean, cwd?: string }} options ipc: the child ends when this process is killed; quiet: output goes to standard error
 * @returns {Promise<number>} the exit code
 */
export function run(command, args, { ipc = false, quiet = false, cwd = process.cwd() } = {}) {
  const stdio = ['inherit', quiet ? 2 : 'inherit', 'inherit', ...(ipc ? ['ipc'] : [])];
  const path = `${root}node_modules/.bin${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`;
  const env = { ...process.env, PATH: path, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' };
  const child = spawn(command, args, { stdio, env, cwd, shell: process.platform === 'win32' && command === 'npm' });
  // The terminal sends Ctrl-C to the whole group; the child decides when it is done.
  const ignore = () => undefined;
  const pass = () => child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', pass);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}
