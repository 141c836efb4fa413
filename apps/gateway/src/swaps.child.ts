import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Metrics } from '@gyre/hosting';
import { OnnxModel } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { anyNumber, answering, apply, KeptLog, serve } from './a-model.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import { ServingTable } from './serving.js';

/**
 * A gateway's process, for serving.spec.ts to watch: its model is swapped as often as its argument says while requests never cease. At the end it says in one
 * line of JSON how much it held, and what the requests were answered.
 */
const [swaps = 0] = process.argv.slice(2).map(Number);
const platform = EmbeddedPlatform.inMemory();
const table = new ServingTable({ platform, log: new KeptLog(), load: (onnx) => OnnxModel.load(onnx) });
const inference = new Inference({
  table,
  log: { append: () => null, shadows: () => undefined },
  features: null,
  admission: anyNumber(),
  metrics: new GatewayMetrics(new Metrics(), new KeptLog()),
  limits: {
    maxSkewMs: 0,
    rowsMax: 10,
    maxBatchSize: 32,
    maxQueueDelayMicros: 0,
    rowsInFlightMax: 1_000,
    shadowRowsMax: 0,
    featuresDeadlineMs: 1_000,
  },
  now: Date.now,
});
await apply(platform);
await serve(platform, { champion: [1, answering(0.5)] });
await table.open();

let [answers, failures, running] = [0, 0, true];
const input = { name: 'features', datatype: 'FP32' as const, shape: [1, 2], values: [0.5, 1] };
const request = { model: 'tides', version: '', id: '', parameters: {}, inputs: [input], outputs: [], raw: false };
async function client(): Promise<void> {
  while (running) {
    const { parameters } = await inference.infer(() => request);
    if (parameters['role'] === 'champion') answers += 1;
    else failures += 1;
    await turn();
  }
}
const clients = Array.from({ length: 8 }, client);
const held = (): { megabytes: number; handles: number } => {
  const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[1]);
  return { megabytes: (pages * 4_096) / 1_000_000, handles: readdirSync('/proc/self/fd').length };
};
const holds = [];
// The heap grows to what the load needs before the first swap, so that only swaps are measured.
while (answers < 30_000) await turn();
for (let swap = 1; swap <= swaps; swap++) {
  await serve(platform, {
    champion: [swap + 1, answering(swap / (swaps + 1))],
    previous: [swap, answering((swap - 1) / (swaps + 1))],
  });
  await table.caughtUp();
  if (swap % (swaps / 10) !== 0) continue;
  globalThis.gc?.();
  holds.push(held());
}
running = false;
await Promise.all(clients);
process.stdout.write(JSON.stringify({ holds, answers, failures }));
await table.close();
await platform.close();
