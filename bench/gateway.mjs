/**
 * The gateway beside what people write first: a bare grpc-js, proto-loader and onnxruntime-node server (bare-server.mjs), asked for the same rows by the
 * same load. The gateway has on what it always has: prediction log, metrics, routing and authentication. Rounds alternate, so that both see the same
 * machine. Printed are medians of the rounds, with their spread.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeRequest } from '../apps/gateway/dist/protocol.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const PATH = '/inference.GRPCInferenceService/ModelInfer';
const TOKEN = 'bench';
const MODELS = ['elec2_lightgbm_100', 'mlp_16_64_64_2'];

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      swap: { type: 'boolean', default: false },
      profile: { type: 'string' },
    },
  });
  for (const model of values.model ?? MODELS) {
    const { rounds, seconds } = values;
    await one(model, { rounds: Number(rounds), seconds: Number(seconds), swap: values.swap, profile: values.profile });
  }
}

async function one(name, { rounds, seconds, swap, profile }) {
  const file = at(`./testdata/${name}.onnx`);
  const { inputs } = JSON.parse(readFileSync(at(`./testdata/${name}.json`), 'utf8'));
  const [[input, rows]] = Object.entries(inputs);
  const load = new Load();
  const home = mkdtempSync(join(tmpdir(), 'gyre-bench-'));
  const servers = { bare: await bare(file), gateway: await gateway(home, file, profile) };
  try {
    const features = { name: input, datatype: 'FP32', shape: [1, rows[0].length], values: rows[0] };
    const request = {
      model: 'bench',
      version: '',
      id: '',
      parameters: {},
      inputs: [features],
      outputs: ['probabilities'],
    };
    const message = encodeRequest({ ...request, raw: false }).toString('base64');
    const ask = (server, order) =>
      load.phase({ target: server.address, authorization: server.authorization, path: PATH, message, ...order });
    const figures = { bare: [], gateway: [] };
    for (const server of Object.values(servers)) await ask(server, { inFlight: 32, seconds: 3 });
    const { answered, seconds: took } = await ask(servers.bare, { inFlight: 32, seconds });
    const rate = answered / took / 2;
    console.log(
      `\n${name}: ${rounds} rounds; half load is ${Math.round(rate)} requests/s, half of the bare server's throughput`,
    );
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? ['bare', 'gateway'] : ['gateway', 'bare']) {
        const before = cpuSeconds(servers[which].pid);
        const full = await ask(servers[which], { inFlight: 32, seconds });
        const cpu = cpuSeconds(servers[which].pid) - before;
        const single = await ask(servers[which], { connections: 1, inFlight: 1, seconds: seconds / 2 });
        const half = await ask(servers[which], { rate, seconds });
        figures[which].push({
          throughput: full.answered / full.seconds,
          cpu: (cpu / full.answered) * 1e6,
          single: single.p50,
          half: half.p99,
          failed: full.failed + single.failed + half.failed,
          generator: full.cpu,
        });
      }
    }
    report(figures);
    if (swap) await swapping(servers.gateway, ask, { rate, rounds, seconds });
  } finally {
    load.stop();
    for (const server of Object.values(servers)) await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function report(figures) {
  const line = (title, key, unit, limit, digits) => {
    const [bare, gateway] = [figures.bare, figures.gateway].map((all) => all.map((one) => one[key]));
    const ratio = median(gateway) / median(bare);
    console.log(
      `${title.padEnd(28)}bare ${spread(bare, digits)}  gateway ${spread(gateway, digits)} ${unit}  ratio ${ratio.toFixed(2)} (${limit})`,
    );
  };
  line('throughput, 32 in flight', 'throughput', '1/s', 'at least 1.30', 0);
  line('processor a request', 'cpu', 'µs', 'all threads', 0);
  line('p50, 1 in flight', 'single', 'ms', 'at most 1.25', 3);
  line('p99, half load', 'half', 'ms', 'at most 1.50', 2);
  const failed = [...figures.bare, ...figures.gateway].reduce((sum, one) => sum + one.failed, 0);
  const busiest = Math.max(...[...figures.bare, ...figures.gateway].map(({ generator }) => generator));
  console.log(`failed ${failed}; the load generator used at most ${busiest.toFixed(2)} of a processor`);
}

/** Versions change places every second under half load: what that costs, beside the same load with nothing changing. */
async function swapping(server, ask, { rate, rounds, seconds }) {
  const quiet = [];
  const swapped = [];
  let failed = 0;
  // The newest import serves.
  let version = 2;
  for (let round = 0; round < rounds; round++) {
    quiet.push((await ask(server, { rate, seconds: seconds * 2 })).p99);
    const timer = setInterval(() => void server.promote((version = 3 - version)), 1_000);
    const found = await ask(server, { rate, seconds: seconds * 2 });
    clearInterval(timer);
    swapped.push(found.p99);
    failed += found.failed;
  }
  const ratio = (median(swapped) / median(quiet)).toFixed(2);
  console.log(
    `p99, half load, a swap a second  ${spread(swapped, 2)} ms, without ${spread(quiet, 2)} ms  ratio ${ratio} (at most 2.00), failed ${failed}`,
  );
}

async function bare(file) {
  const child = spawn(process.execPath, [at('./bare-server.mjs'), file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { pid: child.pid, address: String(line).trim(), stop: () => ended(child) };
}

/** Gateway and registry in one process, on the embedded platform; two versions of the model, the first of which serves. */
async function gateway(home, file, profile) {
  const config = join(home, 'gyre.yaml');
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  const settings = { auth: { tokens: [{ name: 'bench', sha256 }] }, log: { level: 'warn' } };
  writeFileSync(config, JSON.stringify({ ...settings, http: { port: 0 }, grpc: { port: 0 } }));
  const args = [
    at('../apps/gyre/dist/main.js'),
    'up',
    'gateway',
    'registry',
    '--data-dir',
    join(home, 'data'),
    '--config',
    config,
  ];
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...profiling, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const addresses = await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the gateway did not start: ${text}`)));
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const found = /REST: (\S+) +gRPC: (\S+)/.exec(text);
      if (found !== null) resolve(found);
    });
  });
  const [, url, address] = addresses;
  const authorization = `Bearer ${TOKEN}`;
  const post = async (path, body) => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { authorization }, body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const bytes = readFileSync(file);
  // An entry of metadata makes it another file of the same graph.
  await post('/v1/models/bench/import', Buffer.concat([bytes, Buffer.from([0x72, 4, 0x0a, 2, 0x76, 0x32])]));
  await post('/v1/models/bench/import', bytes);
  for (let ready = false; !ready; await new Promise((resolve) => setTimeout(resolve, 50)))
    ready = (await fetch(`${url}/v2/models/bench/ready`, { headers: { authorization } })).ok;
  const promote = (version) => post('/v1/models/bench/promote', JSON.stringify({ version, reason: 'bench' }));
  return { pid: child.pid, address, authorization, promote, stop: () => ended(child) };
}

/** What a process and its threads have used of the processors; NaN where the system does not tell. */
function cpuSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
  } catch {
    return NaN;
  }
}
const CLOCK_TICKS = 100;

async function ended(child) {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** The load generator's process. */
class Load {
  constructor() {
    this.child = spawn(process.execPath, [at('./h2-load.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  async phase(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
    return JSON.parse((await this.lines.next()).value);
  }
  stop() {
    this.child.kill();
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function spread(values, digits) {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`;
}
