/** The servers that the gateway's bench asks, each in a process of its own: `{ pid, address, authorization?, stop }`, and of the gateway `promote`. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { topics } from '../libs/contracts/dist/index.js';
import { EmbeddedPlatform } from '../libs/platform/dist/index.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TOKEN = 'bench';
const MODEL = 'bench';
const PARTITIONS = 4;

/** A server that prints its address once it listens. */
export async function plain(script, file) {
  const child = spawn(process.execPath, [at(script), file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { pid: child.pid, address: String(line).trim(), stop: () => ended(child) };
}

/** Gateway and registry in one process, on the embedded platform; two versions of the model, the second of which serves. */
export async function gateway(home, file, { profile } = {}) {
  const server = await up(home, ['gateway', 'registry'], profile);
  const bytes = readFileSync(file);
  // An entry of metadata makes it another file of the same graph.
  await server.post(`/v1/models/${MODEL}/import`, Buffer.concat([bytes, Buffer.from([0x72, 4, 0x0a, 2, 0x76, 0x32])]));
  await server.post(`/v1/models/${MODEL}/import`, bytes);
  await server.ready();
  const promote = (version) =>
    server.post(`/v1/models/${MODEL}/promote`, JSON.stringify({ version, reason: 'the bench swaps versions' }));
  return { ...server, promote };
}

/** The same, with the first version in shadow: what the registry says of a champion on probation is said here by hand. */
export async function gatewayWithShadow(home, file) {
  await (await gateway(home, file)).stop();
  const platform = await EmbeddedPlatform.open({ dir: join(home, 'data'), partitions: PARTITIONS, tickEveryMs: null });
  const served = [];
  for await (const { event } of platform.read(topics.lifecycle, { key: MODEL }))
    if (event.type === 'ServingChanged') served.push(event);
  const [first, last] = [served[0], served.at(-1)];
  await platform.append(topics.lifecycle, [{ ...last, shadows: [first.champion] }]);
  await platform.close();
  const server = await up(home, ['gateway']);
  await server.ready();
  return server;
}

/** `gyre up` with authentication on, as all of it runs on the embedded platform. */
async function up(home, services, profile) {
  const config = join(home, 'gyre.yaml');
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  const settings = {
    auth: { tokens: [{ name: 'bench', sha256 }] },
    log: { level: 'warn' },
    platform: { partitions: PARTITIONS },
  };
  writeFileSync(config, JSON.stringify({ ...settings, http: { port: 0 }, grpc: { port: 0 } }));
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const args = [at('../apps/gyre/dist/main.js'), 'up', ...services];
  const places = ['--data-dir', join(home, 'data'), '--config', config];
  const child = spawn(process.execPath, [...profiling, ...args, ...places], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const [, url, address] = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the gateway did not start: ${text}`)));
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const found = /REST: (\S+) +gRPC: (\S+)/.exec(text);
      if (found !== null) resolve(found);
    });
  });
  const authorization = `Bearer ${TOKEN}`;
  const post = async (path, body) => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { authorization }, body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const ready = async () => {
    while (!(await fetch(`${url}/v2/models/${MODEL}/ready`, { headers: { authorization } })).ok)
      await new Promise((resolve) => setTimeout(resolve, 50));
  };
  return { pid: child.pid, address, authorization, post, ready, stop: () => ended(child) };
}

async function ended(child) {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
