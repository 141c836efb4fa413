import { Worker } from 'node:worker_threads';
import { GyreError, type ErrorCode } from '@gyre/contracts';
import { inTime } from '@gyre/platform';
import type { ExplainResult, ExplainTask } from './explaining.js';

export interface ThreadRequest {
  id: number;
  /** sha-256 of the model's file. */
  onnx: string;
  /** Null where the thread has it. */
  bytes: Uint8Array | null;
  /** A model to let go of, so that this one has room. */
  forget: string | null;
  task: ExplainTask;
}
export interface ThreadAnswer {
  id: number;
  result: ExplainResult | null;
  failure?: { code: string | null; message: string };
}

/** Models that the thread keeps ready. */
const MODELS_MAX = 4;
const ENTRY = new URL('./explain.thread.js', import.meta.url);

/**
 * Explanations, one after the other, in a thread of their own: whatever they cost, no request for a prediction waits for them. It starts with the first,
 * and keeps no process alive.
 */
export class ExplainThread {
  private worker: Worker | undefined;
  private readonly waiting = new Map<
    number,
    { resolve: (result: ExplainResult) => void; reject: (error: Error) => void }
  >();
  /** What the thread holds, the least recently asked first. */
  private held: string[] = [];
  /** Files that are on their way to it. */
  private readonly fetching = new Map<string, Promise<Uint8Array>>();
  /** Explanations that wait for their model's file, or for the thread. */
  private underWay = 0;
  private nextId = 1;

  /** @param waitingMax explanations that may be under way or wait */
  constructor(private readonly waitingMax: number) {}

  /**
   * @param fetch the model's file, where the thread does not have it
   * @throws GyreError by rejection: OVERLOADED, and what ExplainableModel.explain throws
   */
  async explain(onnx: string, fetch: () => Promise<Uint8Array>, task: ExplainTask): Promise<ExplainResult> {
    if (this.underWay >= this.waitingMax) {
      throw new GyreError(
        'OVERLOADED',
        `${this.underWay} explanations are under way; the limit is ${this.waitingMax}, try again later`,
      );
    }
    this.underWay += 1;
    try {
      const leftMs = task.deadlineAt - Date.now();
      const bytes = this.held.includes(onnx) ? null : await inTime(this.fetched(onnx, fetch), leftMs, late);
      return await this.ask(onnx, bytes, task);
    } finally {
      this.underWay -= 1;
    }
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  /** Whoever asks while a file is fetched has the same. */
  private fetched(onnx: string, fetch: () => Promise<Uint8Array>): Promise<Uint8Array> {
    let file = this.fetching.get(onnx);
    if (file === undefined) {
      file = fetch().finally(() => this.fetching.delete(onnx));
      this.fetching.set(onnx, file);
    }
    return file;
  }

  /** @param bytes null where the thread had the model a moment ago */
  private ask(onnx: string, bytes: Uint8Array | null, task: ExplainTask): Promise<ExplainResult> {
    const isNew = !this.held.includes(onnx);
    const forget = isNew && this.held.length >= MODELS_MAX ? (this.held[0] as string) : null;
    this.held = [...this.held.filter((one) => one !== onnx && one !== forget), onnx];
    this.worker ??= this.start();
    const { promise, resolve, reject } = Promise.withResolvers<ExplainResult>();
    const id = this.nextId++;
    this.waiting.set(id, { resolve, reject });
    this.worker.ref();
    this.worker.postMessage({ id, onnx, bytes: isNew ? bytes : null, forget, task } satisfies ThreadRequest);
    return promise.catch((error: unknown) => {
      // Anything but a failure of this request: whether the thread has the model is not known.
      if (!(error instanceof GyreError) || error.code === 'MODEL_INVALID')
        this.held = this.held.filter((one) => one !== onnx);
      throw error;
    });
  }

  private start(): Worker {
    const worker = new Worker(ENTRY, { name: 'gyre-explanations' });
    worker.on('message', ({ id, result, failure }: ThreadAnswer) => {
      const asked = this.waiting.get(id);
      this.waiting.delete(id);
      if (this.waiting.size === 0) worker.unref();
      if (result !== null) asked?.resolve(result);
      else asked?.reject(failureOf(failure));
    });
    const ended = (error: Error): void => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.held = [];
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    };
    worker.on('error', ended);
    worker.on('exit', (code) => ended(new Error(`the thread of the explanations ended with code ${code}`)));
    return worker;
  }
}

function late(): GyreError {
  return new GyreError('DEADLINE_EXCEEDED', "the model's file was not there when the time was over");
}

function failureOf(failure: ThreadAnswer['failure']): Error {
  const { code = null, message = 'the explanation failed' } = failure ?? {};
  return code === null ? new Error(message) : new GyreError(code as ErrorCode, message);
}
