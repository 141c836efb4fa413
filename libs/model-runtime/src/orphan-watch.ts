import { Worker } from 'node:worker_threads';

const LOOK_EVERY_MS = 500;

/**
 * Ends this process when the one that began it is gone, also where a run of a model holds the thread of its loop: nobody would be left to end it.
 */
export function endWithParent(): void {
  const code = `const parent = process.ppid;
    setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGKILL'), ${LOOK_EVERY_MS});`;
  new Worker(code, { eval: true, name: 'gyre-orphan-watch' }).unref();
}
