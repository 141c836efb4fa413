import { GyreError } from '@gyre/contracts';
import type { Described } from './model-messages.js';
import { ModelProcess } from './model-process.js';

export interface TrialLimits {
  /** Memory that loading and running the model may take, bytes. */
  memoryBytesMax: number;
  secondsMax: number;
}

/** What a file turned out to be. */
export type TrialReport = Pick<Described, 'inputs' | 'outputs' | 'classes' | 'metadata' | 'run'>;

/**
 * Loads a file from a stranger in a process of its own, and runs it on samples. A graph can fill the memory or end the process while it is loaded
 * (constants are folded then); here that harms nobody. Memory is watched on Linux only.
 *
 * @throws GyreError MODEL_INVALID if it cannot be loaded, or takes more time or memory than the limits
 */
export async function tryOnnx(bytes: Uint8Array, { memoryBytesMax, secondsMax }: TrialLimits): Promise<TrialReport> {
  const limits = { loadMsMax: 1_000 * secondsMax, runMsMax: 0, bytesMax: memoryBytesMax };
  const process = new ModelProcess(limits, () => undefined);
  try {
    return await process.ask<TrialReport>({ ask: 'load', model: 0, bytes });
  } catch (error) {
    if (error instanceof GyreError) throw error;
    throw new GyreError('MODEL_INVALID', `onnxruntime cannot run the model: ${(error as Error).message}`);
  } finally {
    void process.end();
  }
}
