import { Worker } from 'node:worker_threads';
import { GyreError, type ErrorCode } from '@gyre/contracts';
import { LoadedModel, type TensorInfo, type TensorValue } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';
import { OnnxModel } from './onnx-model.js';

/** What a model says of itself once it is loaded in the thread. */
export interface Described {
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  classes: readonly (string | number)[];
  metadata: Readonly<Record<string, string>>;
  width: number | undefined;
  scoreName: string | undefined;
  run: MeasuredRun;
}
type Values = Readonly<Record<string, TensorValue>>;
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

export interface ModelWorkerOptions {
  /** A model whose run of one row takes longer stays in the thread, microseconds; 0: every model. */
  loopMicrosMax: number;
}

/**
 * Loads models where they do not hold up the event loop: each is loaded and measured in a thread. One whose run is short then moves to the caller's
 * thread, where it is answered without a message to and fro; the others stay, and are run in the order of the calls.
 */
export class ModelWorker {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  private nextId = 1;

  constructor(private readonly options: ModelWorkerOptions) {}

  /** @throws GyreError MODEL_INVALID by rejection, if onnxruntime cannot run it */
  async load(bytes: Uint8Array): Promise<LoadedModel> {
    const model = this.nextId++;
    const described = await this.ask<Described>({ ask: 'load', model, bytes });
    const { micros } = described.run;
    if (micros !== null && micros <= this.options.loopMicrosMax) {
      const onLoop = OnnxModel.load(bytes, described.run);
      await this.ask({ ask: 'dispose', model });
      return onLoop;
    }
    return new WorkerModel(this, model, described);
  }

  ask<T>(request: Asked): Promise<T> {
    this.worker ??= this.start();
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker?.ref();
      this.worker?.postMessage({ ...request, id } satisfies ModelRequest);
    });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(ENTRY, { name: 'gyre-models' });
    worker.on('message', ({ id, value, failure }: ModelAnswer) => {
      const asked = this.waiting.get(id);
      this.waiting.delete(id);
      // An idle thread keeps no process from ending.
      if (this.waiting.size === 0) worker.unref();
      if (failure === undefined) asked?.resolve(value as never);
      else
        asked?.reject(
          failure.code === null
            ? new Error(failure.message)
            : new GyreError(failure.code as ErrorCode, failure.message),
        );
    });
    const ended = (error: Error): void => {
      if (this.worker === worker) this.worker = undefined;
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    };
    worker.on('error', ended);
    worker.on('exit', (code) => ended(new Error(`the thread that runs the models ended with code ${code}`)));
    return worker;
  }
}

/** A model in a ModelWorker's thread: its answers are promised. */
class WorkerModel extends LoadedModel {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly classes: readonly (string | number)[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly width: number | undefined;
  readonly scoreName: string | undefined;
  readonly measured: MeasuredRun;
  readonly runsOn = 'worker';
  private disposed = false;

  constructor(
    private readonly worker: ModelWorker,
    private readonly model: number,
    described: Described,
  ) {
    super();
    this.inputs = described.inputs;
    this.outputs = described.outputs;
    this.classes = described.classes;
    this.metadata = described.metadata;
    this.width = described.width;
    this.scoreName = described.scoreName;
    this.measured = described.run;
  }

  override run(features: Float32Array, rows: number): Promise<Float32Array> {
    return this.worker.ask({ ask: 'run', model: this.model, features, rows });
  }

  override call(inputs: Values, outputs = this.outputs.map(({ name }) => name)): Promise<Record<string, TensorValue>> {
    return this.worker.ask({ ask: 'call', model: this.model, inputs, outputs });
  }

  override dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    // Where the thread has ended, so has the model.
    this.worker.ask({ ask: 'dispose', model: this.model }).catch(() => undefined);
  }
}
