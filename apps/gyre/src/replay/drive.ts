import { Worker } from 'node:worker_threads';
import { CallFailed, Interrupted } from '../failures.js';
import type { PreparedReplay, Progress } from './driver.js';
import type { ReplaySummary } from './summary.js';
import type { WorkerInput, WorkerMessage } from './worker.js';

/**
 * Drives a replay from a thread of its own, so that the client's work and the platform's do not wait for each other.
 * @throws Interrupted once `signal` is aborted; the replay can go on later
 */
export function drive(
  replay: PreparedReplay,
  at: { httpUrl: string; grpcAddress: string },
  signal: AbortSignal,
  report: (progress: Progress) => void,
): Promise<ReplaySummary> {
  const input: WorkerInput = { replay, httpUrl: at.httpUrl, grpcAddress: at.grpcAddress };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: input });
  const stop = () => worker.postMessage('stop');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { promise, resolve, reject } = Promise.withResolvers<ReplaySummary>();
  worker.on('message', (message: WorkerMessage) => {
    if (message.kind === 'progress') report(message);
    else if (message.kind === 'summary') resolve(message.summary);
    else if (message.kind === 'stopped') reject(new Interrupted('stopped'));
    else {
      const { code, message: text, details } = message.failure.error;
      reject(new CallFailed(0, code, text, details));
    }
  });
  worker.on('error', reject);
  worker.on('exit', (code) => reject(new Error(`the thread that drives the replay ended with code ${code}`)));
  return promise.finally(async () => {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  });
}
