import { parentPort, workerData } from 'node:worker_threads';
import { failureJson, type FailureJson } from '../failures.js';
import { ReplayDriver, type PreparedReplay, type Progress } from './driver.js';
import type { ReplaySummary } from './summary.js';

/** What the driver's thread is given. */
export interface WorkerInput {
  replay: PreparedReplay;
  httpUrl: string;
  grpcAddress: string;
}
/** What it tells. It takes the one message `stop`. */
export type WorkerMessage =
  | ({ kind: 'progress' } & Progress)
  | { kind: 'summary'; summary: ReplaySummary }
  | { kind: 'failed'; failure: FailureJson }
  | { kind: 'stopped' };

if (parentPort !== null) {
  const port = parentPort;
  const { replay, ...at } = workerData as WorkerInput;
  const stopping = new AbortController();
  const send = (message: WorkerMessage) => port.postMessage(message);
  port.on('message', () => stopping.abort());
  const driver = new ReplayDriver(replay, at, stopping.signal, (progress) => send({ kind: 'progress', ...progress }));
  try {
    send({ kind: 'summary', summary: await driver.run() });
  } catch (error) {
    send(stopping.signal.aborted ? { kind: 'stopped' } : { kind: 'failed', failure: failureJson(error) });
  }
  port.close();
}
