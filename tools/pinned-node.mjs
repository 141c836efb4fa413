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
  const end = () => child.kill('SIGTERM');
  // A terminal sends Ctrl-C to the whole group, and the child decides when it is done. Without one, nobody else tells the child.
  const interrupt = () => void (process.stdin.isTTY || end());
  process.on('SIGINT', interrupt).on('SIGTERM', end);
  const watch = whenNpmIsGone(end);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      process.off('SIGINT', interrupt).off('SIGTERM', end);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** npm's shell does not pass signals on: it ends, and what it ran would live on. Others than npm may leave what they have started. */
function whenNpmIsGone(act) {
  if (process.env.npm_command === undefined) return undefined;
  const parent = process.ppid;
  return setInterval(() => process.ppid !== parent && act(), 500).unref();
}
