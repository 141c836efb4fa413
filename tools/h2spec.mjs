/**
 * Holds the gRPC server to HTTP/2 by somebody else's suite, h2spec, in its strict form. Needs Go and its module proxy the first time; without them it is
 * skipped, and fails in CI.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { endForWantOf } from './missing.mjs';

const VERSION = 'v2.2.1+incompatible';
const MODULE = `github.com/summerwind/h2spec/cmd/h2spec@${VERSION}`;
const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The suite runs in a process that this one waits for, so the server has a thread of its own. */
async function serve() {
  const { GrpcServer } = await import('../libs/hosting/dist/grpc/grpc-server.js');
  const { GrpcFailure } = await import('../libs/hosting/dist/grpc/grpc-failure.js');
  const { GrpcConfig } = await import('../libs/hosting/dist/hosting.config.js');
  const settings = GrpcConfig.parse({});
  const server = new GrpcServer({
    limits: { ...settings, streamsMax: settings.callsPerConnectionMax },
    failed: (thrown) => new GrpcFailure(13, String(thrown)),
    callEnded: () => undefined,
    connectionEnded: () => undefined,
  });
  parentPort.postMessage(await server.listen('127.0.0.1', 0));
}

function suite() {
  const home = at(`.servers/h2spec-${VERSION}`);
  const program = join(home, process.platform === 'win32' ? 'h2spec.exe' : 'h2spec');
  if (existsSync(program)) return program;
  mkdirSync(home, { recursive: true });
  for (const go of ['go', '/usr/local/go/bin/go']) {
    const options = { stdio: 'ignore', timeout: 240_000, env: { ...process.env, GOBIN: home } };
    if (spawnSync(go, ['install', MODULE], options).status === 0 && existsSync(program)) return program;
  }
  return null;
}

if (!isMainThread) await serve();
else {
  const program = suite();
  if (program === null) endForWantOf('h2spec needs Go (Debian: apt-get install golang-go), and the Go module proxy');
  const worker = new Worker(new URL(import.meta.url));
  const port = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  const args = ['--strict', '--timeout', '5', '-h', '127.0.0.1', '-p', String(port)];
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 });
  console.log(status === 0 ? stdout.trim().split('\n').slice(-2).join('\n') : stdout);
  await worker.terminate();
  process.exit(status ?? 1);
}
