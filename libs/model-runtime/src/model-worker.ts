import type { LoadedModel } from './loaded-model.js';
import { ModelThread, type Described } from './model-thread.js';
import { OnnxModel } from './onnx-model.js';
import { PlacedModel, type InThread, type Places } from './placed-model.js';

export interface ModelWorkerOptions {
  /** A model whose run of one row takes longer stays in a thread, microseconds; 0: every model. */
  loopMicrosMax: number;
  /** Threads that models stay in; where there are more models, they share them. */
  threadsMax: number;
}

/**
 * Loads models where they hold up nobody: each is loaded and measured in a thread that runs none. One whose run is short then moves to the caller's
 * thread, where it is answered without a message to and fro; for another that thread becomes its own, as long as there may be more of them.
 */
export class ModelWorker implements Places {
  /** Threads that run models, each with its own. */
  private readonly threads = new Map<ModelThread, Set<PlacedModel>>();
  /** Loads the next one. */
  private loader: ModelThread | undefined;
  private loading: Promise<unknown> = Promise.resolve();
  /** A thread that another model is about to join, so that it stays. */
  private joined: ModelThread | undefined;
  private nextModel = 1;
  private closed = false;

  constructor(private readonly options: ModelWorkerOptions) {}

  /**
   * @param file its bytes once more, where its thread has ended or another place is better
   * @throws GyreError MODEL_INVALID by rejection, if onnxruntime cannot run it
   */
  load(bytes: Uint8Array, file = (): Promise<Uint8Array> => Promise.resolve(bytes)): Promise<LoadedModel> {
    return this.inTurn(async () => {
      const { loader, model, described } = await this.loaded(bytes);
      const placed = new PlacedModel(described, this, file);
      if (!this.isQuick(described)) return placed.settle(await this.stay(bytes, { thread: loader, model }, placed));
      const onLoop = OnnxModel.load(bytes, described.run);
      forget({ thread: loader, model });
      return placed.settle(onLoop);
    });
  }

  inThread(bytes: Uint8Array, placed: PlacedModel): Promise<InThread> {
    return this.inTurn(async () => {
      const { loader, model } = await this.loaded(bytes);
      return this.stay(bytes, { thread: loader, model }, placed);
    });
  }

  leave(place: InThread, placed: PlacedModel): void {
    forget(place);
    const { thread } = place;
    const own = this.threads.get(thread);
    own?.delete(placed);
    if (own?.size !== 0 || this.joined === thread) return;
    this.threads.delete(thread);
    if (this.loader === undefined) this.loader = thread;
    else void thread.end();
  }

  async close(): Promise<void> {
    this.closed = true;
    const all = [...this.threads.keys(), ...(this.loader === undefined ? [] : [this.loader])];
    await Promise.all(all.map((thread) => thread.end()));
  }

  /** One after the other: a thread that loads may become a model's own. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.loading.then(work);
    this.loading = done.catch(() => undefined);
    return done;
  }

  private async loaded(bytes: Uint8Array): Promise<{ loader: ModelThread; model: number; described: Described }> {
    if (this.closed) throw new Error('the models have been closed');
    const loader = (this.loader ??= this.start());
    const model = this.nextModel++;
    return { loader, model, described: await loader.ask<Described>({ ask: 'load', model, bytes }) };
  }

  /** Free dimensions and optional inputs make runs of any length: samples of them tell nothing of what requests will bring. */
  private isQuick({ inputs, optionalInputs, run: { micros } }: Described): boolean {
    const isFixed =
      optionalInputs.length === 0 &&
      inputs.every(
        ({ shape, anyRank }) => anyRank !== true && shape.slice(1).every((size) => typeof size === 'number'),
      );
    return isFixed && micros !== null && micros <= this.options.loopMicrosMax;
  }

  /** Finds a model that the loading thread holds a thread to stay in. */
  private async stay(bytes: Uint8Array, place: InThread, placed: PlacedModel): Promise<InThread> {
    const { thread: loader, model } = place;
    if (this.threads.size < this.options.threadsMax) {
      this.threads.set(loader, new Set([placed]));
      this.loader = undefined;
      return place;
    }
    const [thread] = [...this.threads].reduce((a, b) => (b[1].size < a[1].size ? b : a));
    forget(place);
    this.joined = thread;
    try {
      await thread.ask({ ask: 'load', model, bytes });
    } finally {
      this.joined = undefined;
    }
    this.threads.get(thread)?.add(placed);
    return { thread, model };
  }

  private start(): ModelThread {
    const thread: ModelThread = new ModelThread((why) => {
      if (this.loader === thread) this.loader = undefined;
      const models = this.threads.get(thread) ?? [];
      this.threads.delete(thread);
      if (!this.closed) for (const model of models) model.lost(why);
    });
    return thread;
  }
}

/** Where the thread has ended, so has the model. */
function forget({ thread, model }: InThread): void {
  thread.ask({ ask: 'dispose', model }).catch(() => undefined);
}
