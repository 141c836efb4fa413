/**
 * The gateway beside what people write first: a bare grpc-js, proto-loader and onnxruntime-node server (bare-server.mjs), and the same behind NestJS's
 * own gRPC transport (nest-server.mjs), asked for the same rows by the same load. The gateway has on what it always has: prediction log, metrics,
 * routing and authentication. Rounds alternate, so that all see the same machine. Then the gateway beside itself: versions that change places each second,
 * a version in shadow, a crowd of idle and slow clients. Printed are medians of the rounds, with their spread.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeRequest } from '../apps/gateway/dist/protocol.js';
import { gateway, gatewayWithShadow, plain } from './gateway-servers.mjs';
import { Load, median, spread } from './load.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const PATH = '/inference.GRPCInferenceService/ModelInfer';
const MODELS = ['elec2_lightgbm_100', 'mlp_16_64_64_2'];
const [IDLE, SLOW] = [10_000, 50];

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      profile: { type: 'string' },
    },
  });
  const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  for (const model of values.model ?? MODELS) await one(model, extent, values.profile);
}

async function one(name, extent, profile) {
  const file = at(`./testdata/${name}.onnx`);
  const message = requestFor(name);
  const load = new Load();
  try {
    await besideOthers(name, file, load, message, extent, profile);
    await shadowed(file, load, message, extent);
  } finally {
    load.stop();
  }
}

async function besideOthers(name, file, load, message, extent, profile) {
  const home = mkdtempSync(join(tmpdir(), 'gyre-bench-'));
  const servers = {
    bare: await plain('./bare-server.mjs', file),
    nest: await plain('./nest-server.mjs', file),
    gateway: await gateway(home, file, { profile }),
  };
  try {
    const ask = (server, order) => load.phase(orderFor(server, message, order));
    for (const server of Object.values(servers)) await ask(server, { inFlight: 32, seconds: 3 });
    const { answered, seconds: took } = await ask(servers.bare, { inFlight: 32, seconds: extent.seconds });
    const rate = answered / took / 2;
    console.log(
      `\n${name}: ${extent.rounds} rounds; half load is ${Math.round(rate)} requests/s, half of the bare server's throughput`,
    );
    report(await inTurns(servers, ask, { ...extent, rate }));
    await swapping(servers.gateway, ask, { ...extent, rate });
    await crowded(servers.gateway, ask, { ...extent, rate });
  } finally {
    for (const server of Object.values(servers)) await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** The first row of those that the model's file comes with, typed, as base64. */
function requestFor(name) {
  const { inputs } = JSON.parse(readFileSync(at(`./testdata/${name}.json`), 'utf8'));
  const [[input, rows]] = Object.entries(inputs);
  const features = { name: input, datatype: 'FP32', shape: [1, rows[0].length], values: rows[0] };
  const request = {
    model: 'bench',
    version: '',
    id: '',
    parameters: {},
    inputs: [features],
    outputs: ['probabilities'],
  };
  return encodeRequest({ ...request, raw: false }).toString('base64');
}

async function inTurns(servers, ask, { rate, rounds, seconds }) {
  const names = Object.keys(servers);
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? names : names.toReversed()) {
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
  return figures;
}

function report(figures) {
  const all = Object.values(figures).flat();
  const line = (title, key, unit, limit, digits) => {
    const of = (name) => figures[name].map((one) => one[key]);
    const ratio = (name) => (median(of('gateway')) / median(of(name))).toFixed(2);
    const each = Object.keys(figures).map((name) => `${name} ${spread(of(name), digits)}`);
    console.log(
      `${title.padEnd(28)}${each.join('  ')} ${unit}  ratio to bare ${ratio('bare')} (${limit}), to nest ${ratio('nest')}`,
    );
  };
  line('throughput, 32 in flight', 'throughput', '1/s', 'at least 1.30', 0);
  line('processor a request', 'cpu', 'µs', 'all threads', 0);
  line('p50, 1 in flight', 'single', 'ms', 'at most 1.25', 3);
  line('p99, half load', 'half', 'ms', 'at most 1.50', 2);
  const failed = all.reduce((sum, one) => sum + one.failed, 0);
  const busiest = Math.max(...all.map(({ generator }) => generator));
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

/** What shadow scoring costs a client that waits for each answer: the same gateway with and without a version in shadow, in turns. */
async function shadowed(file, load, message, { rounds, seconds }) {
  const homes = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'gyre-bench-')));
  const servers = [await gateway(homes[0], file), await gatewayWithShadow(homes[1], file)];
  const found = [[], []];
  try {
    for (let round = -1; round < rounds; round++)
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const { p50 } = await load.phase(orderFor(servers[which], message, { connections: 1, inFlight: 1, seconds }));
        if (round >= 0) found[which].push(p50);
      }
  } finally {
    for (const server of servers) await server.stop();
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  }
  const [without, withShadow] = found;
  const ratio = (median(withShadow) / median(without)).toFixed(2);
  console.log(
    `p50, 1 in flight, shadow on      ${spread(withShadow, 3)} ms, without ${spread(without, 3)} ms  ratio ${ratio} (at most 1.10)`,
  );
}

/**
 * What a crowd costs the others while it is there: idle connections, clients that send a byte a second, messages over the limit. Some of the load
 * goes by unmeasured first, for ten thousand connections that come or go at once cost something of their own.
 */
async function crowded(server, ask, { rate, rounds, seconds }) {
  const found = { alone: [], beside: [] };
  let failed = 0;
  for (let round = 0; round < rounds; round++) {
    const measured = async () => {
      await ask(server, { rate, seconds: 2 });
      return ask(server, { rate, seconds });
    };
    const alone = await measured();
    const crowd = await gathered(server);
    const beside = await measured();
    crowd.kill();
    await once(crowd, 'exit');
    found.alone.push(alone.p99);
    found.beside.push(beside.p99);
    failed += alone.failed + beside.failed;
  }
  const ratio = (median(found.beside) / median(found.alone)).toFixed(2);
  console.log(
    `p99, half load, beside ${IDLE} idle connections, ${SLOW} slow clients and messages over the limit  ` +
      `${spread(found.beside, 2)} ms, without ${spread(found.alone, 2)} ms  ratio ${ratio} (at most 2.00), failed ${failed}`,
  );
}

async function gathered({ address, authorization }) {
  const order = { target: address, authorization, path: PATH, idle: IDLE, slow: SLOW };
  const child = spawn(process.execPath, [at('./crowd.mjs'), JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the crowd did not gather'))),
  ]);
  return child;
}

function orderFor({ address, authorization }, message, order) {
  return { target: address, authorization, path: PATH, message, ...order };
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
