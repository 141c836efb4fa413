import { parentPort, workerData } from 'node:worker_threads';
import { words } from '../contract/words.js';
import { EmbeddedPlatform } from './embedded-platform.js';

/** A worker thread for the spec: appends numbers under its own producer id while the owner works, then says how many. */
const { dir, producer, count } = workerData as { dir: string; producer: string; count: number };
const log = EmbeddedPlatform.attach(dir);
for (let n = 0; n < count; n += 10) {
  log.appendAs(
    producer,
    words,
    Array.from({ length: 10 }, (_, i) => ({ sequence: n + i, event: { key: producer, n: n + i } })),
  );
}
log.close();
parentPort?.postMessage(count);
