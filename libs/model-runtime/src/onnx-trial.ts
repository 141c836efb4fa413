import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { GyreError } from '@gyre/contracts';
import type { TensorInfo } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';
import { residentBytes } from './resident-bytes.js';

export interface TrialLimits {
  /** Memory that loading and running the model may take, bytes. */
  memoryBytesMax: number;
  secondsMax: number;
}

/** What a file turned out to be. */
export interface TrialReport {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly classes: readonly (string | number)[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly run: MeasuredRun;
}
export type TrialAnswer = { report: TrialReport } | { problem: string };

const CHILD = fileURLToPath(new URL('./onnx-trial.child.js', import.meta.url));
const LOOKED_AT_EVERY_MS = 20;

/**
 * Loads a file from a stranger in a process of its own, and runs it on samples. A graph can fill the memory or end the process while it is loaded
 * (constants are folded then); here that harms nobody. Memory is watched on Linux only.
 *
 * @throws GyreError MODEL_INVALID if it cannot be loaded, or takes more time or memory than the limits
 */
export async function tryOnnx(bytes: Uint8Array, limits: TrialLimits): Promise<TrialReport> {
  const child = fork(CHILD, { stdio: ['pipe', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  const begun = performance.now();
  let killedFor: string | null = null;
  const kill = (why: string): void => {
    killedFor ??= why;
    child.kill('SIGKILL');
  };
  const watch = setInterval(() => {
    if (performance.now() - begun > limits.secondsMax * 1_000)
      kill(`it takes more than ${limits.secondsMax} s to load and run once`);
    if (residentBytes(child.pid) > limits.memoryBytesMax)
      kill(`it takes more than ${Math.round(limits.memoryBytesMax / 1_048_576)} MiB of memory to load and run once`);
  }, LOOKED_AT_EVERY_MS);
  try {
    const answer = await new Promise<TrialAnswer>((resolve, reject) => {
      child.once('message', (message) => resolve(message as TrialAnswer));
      child.once('error', reject);
      child.once('exit', (code, signal) =>
        resolve({ problem: killedFor ?? `onnxruntime ended with ${signal ?? code} while it loaded the model` }),
      );
      // A child that died takes no more; its exit tells why.
      child.stdin?.on('error', () => undefined).end(bytes);
    });
    if ('report' in answer) return answer.report;
    throw new GyreError('MODEL_INVALID', answer.problem);
  } finally {
    clearInterval(watch);
    child.kill('SIGKILL');
  }
}
