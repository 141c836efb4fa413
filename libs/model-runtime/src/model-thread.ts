import { Worker } from 'node:worker_threads';
import { GyreError, type ErrorCode } from '@gyre/contracts';
import type { TensorInfo, TensorValue } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';

/** What a model says of itself once it is loaded in a thread. */
export interface Described {
  inputs: readonly TensorInfo[];
  optionalInputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  classes: readonly (string | number)[];
  metadata: Readonly<Record<string, string>>;
  width: number | undefined;
  scoreName: string | undefined;
  run: MeasuredRun;
}
export type Values = Readonly<Record<string, TensorValue>>;
type Asked =
  | { ask: 'load'; model: number; bytes: Uint8Array }
  | { ask: 'run'; model: number; features: Float32Array; rows: number }
  | { ask: 'call'; model: number; inputs: Values; outputs: readonly string[] }
  | { ask: 'dispose'; model: number };
export type ModelRequest = Asked & { id: number };
export interface ModelAnswer {
  id: number;
  value: Described | Float32Array | Values | null;
  failure?: { code: string | null; message: string };
}

const ENTRY = new URL('./model-worker.thread.js', import.meta.url);

/** A thread that holds models and does what it is asked, in order. */
export class ModelThread {
  private readonly worker = new Worker(ENTRY, { name: 'gyre-models' });
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;
  private endedOf: Error | null = null;

  /** @param ended told once, when it has ended, for whatever reason */
  constructor(ended: (why: Error) => void) {
    const { worker, waiting } = this;
    worker.unref();
    worker.on('message', ({ id, value, failure }: ModelAnswer) => {
      const asked = waiting.get(id);
      waiting.delete(id);
      // An idle thread keeps no process from ending.
      if (waiting.size === 0) worker.unref();
      if (failure === undefined) asked?.resolve(value as never);
      else asked?.reject(failureOf(failure));
    });
    const end = (why: Error): void => {
      if (this.endedOf !== null) return;
      this.endedOf = why;
      for (const { reject } of waiting.values()) reject(why);
      waiting.clear();
      ended(why);
    };
    worker.on('error', end);
    worker.on('exit', (code) => end(new Error(`the thread that runs the model ended with code ${code}`)));
  }

  /** @throws Error by rejection: what the thread throws, or why it has ended */
  ask<T>(request: Asked): Promise<T> {
    if (this.endedOf !== null) return Promise.reject(this.endedOf);
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
      this.worker.postMessage({ ...request, id } satisfies ModelRequest);
    });
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}

function failureOf({ code, message }: NonNullable<ModelAnswer['failure']>): Error {
  return code === null ? new Error(message) : new GyreError(code as ErrorCode, message);
}
