/**
 * Rows a second of the whole circle (ingestion, features, prediction, join, detection, training, rollout) over elec2, beside those of a bare
 * grpc-js and onnxruntime server that does nothing but answer, asked for the same rows by the same kind of client in steps of the same size.
 * Rounds alternate, so that both see the same machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { parse } from 'csv-parse/sync';
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const DATA = at('../examples/data/elec2.csv.gz');
const INPUTS = ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'];

export async function bench(args) {
  const { values } = parseArgs({
    args,
    options: {
      limit: { type: 'string' },
      rounds: { type: 'string', default: '1' },
      step: { type: 'string', default: '50' },
    },
  });
  const rows = parse(gunzipSync(readFileSync(DATA)), { columns: true }).slice(
    0,
    values.limit === undefined ? undefined : Number(values.limit),
  );
  const features = rows.map((row) => INPUTS.map((name) => Number(row[name])));
  const step = Number(values.step);
  console.log(`${rows.length} rows of elec2, ${step} in flight; rows/s, ${values.rounds} round(s)`);
  const figures = { bare: [], circle: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    figures.bare.push(await bare(features, step));
    figures.circle.push(await circle(rows.length, step));
  }
  figures.bare.push(await bare(features, step));
  for (const [name, found] of Object.entries(figures)) console.log(`${name.padEnd(8)}${format(found)}`);
  console.log(`ratio   ${(median(figures.circle) / median(figures.bare)).toFixed(3)} of a server that only answers`);
}

async function bare(features, step) {
  const server = spawn(process.execPath, [at('./bare-server.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(server.stdout, 'data');
  const { inference } = loadPackageDefinition(
    loadSync(at('../proto/inference/grpc_predict_v2.proto'), { keepCase: true, longs: Number }),
  );
  const client = new inference.GRPCInferenceService(String(line).trim(), credentials.createInsecure());
  const ask = (row) =>
    new Promise((resolve, reject) => {
      const input = { name: 'input', datatype: 'FP32', shape: [1, INPUTS.length], contents: { fp32_contents: row } };
      client.ModelInfer({ model_name: 'elec2', inputs: [input] }, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  const began = performance.now();
  for (let from = 0; from < features.length; from += step)
    await Promise.all(features.slice(from, from + step).map(ask));
  const seconds = (performance.now() - began) / 1_000;
  client.close();
  server.kill();
  return features.length / seconds;
}

async function circle(limit, step) {
  const args = [
    at('../apps/gyre/bin/gyre.mjs'),
    'replay',
    DATA,
    '--spec',
    at('../examples/elec2.yaml'),
    '--limit',
    String(limit),
    '--step',
    String(step),
    '--json',
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the replay failed: ${text}`);
  const summary = JSON.parse(text);
  return summary.rows / summary.seconds;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function format(values) {
  return `${Math.round(median(values))} (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))})`;
}
