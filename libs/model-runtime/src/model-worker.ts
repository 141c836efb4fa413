import type { LoadedModel } from './loaded-model.js';
import type { Described, ModelHost } from './model-host.js';
import { ModelProcess, type RunLimits } from './model-process.js';
import { ModelThread } from './model-thread.js';
import { OnnxModel } from './onnx-model.js';
import { PlacedModel, type Hosted, type Places } from './placed-model.js';

export interface ModelWorkerOptions extends RunLimits {
  /** A model whose run of one row takes longer stays in a thread, microseconds; 0: every model. */
  loopMicrosMax: number;
  /** Threads that models stay in; where there are more models, they share them. */
  threadsMax: number;
}

/**
 * Loads models where they hold up nobody: each is loaded and measured in a thread that runs none. One whose run is short then moves to the caller's
 * thread, where it is answered without a message to and fro; for another that thread becomes its own, as long as there may be more of them. One of which
 * nobody knows how long its runs take gets a process of its own, which can be ended in the middle of one.
 */
export class ModelWorker implements Places {
  /** Threads that run models, each with its own. */
  private readonly threads = new Map<ModelThread, Set<PlacedModel>>();
  private readonly processes = new Set<ModelProcess>();
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
      if (described.sizedBy !== null) {
        forget({ host: loader, model });
        return placed.settle(await this.apart(bytes, placed));
      }
      if (!this.isQuick(described)) return placed.settle(await this.stay(bytes, { host: loader, model }, placed));
      const onLoop = OnnxModel.load(bytes, described.run);
      forget({ host: loader, model });
      return placed.settle(onLoop);
    });
  }

  hosted(bytes: Uint8Array, placed: PlacedModel): Promise<Hosted> {
    if (placed.sizedBy !== null) return this.apart(bytes, placed);
    return this.inTurn(async () => {
      const { loader, model } = await this.loaded(bytes);
      return this.stay(bytes, { host: loader, model }, placed);
    });
  }

  leave(place: Hosted, placed: PlacedModel): void {
    const { host } = place;
    if (host instanceof ModelProcess) return void host.end();
    forget(place);
    const thread = host as ModelThread;
    const own = this.threads.get(thread);
    own?.delete(placed);
    if (own?.size !== 0 || this.joined === thread) return;
    this.threads.delete(thread);
    if (this.loader === undefined) this.loader = thread;
    else void thread.end();
  }

  async close(): Promise<void> {
    this.closed = true;
    const all: ModelHost[] = [...this.threads.keys(), ...this.processes];
    if (this.loader !== undefined) all.push(this.loader);
    await Promise.all(all.map((host) => host.end()));
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
  private async stay(bytes: Uint8Array, place: Hosted, placed: PlacedModel): Promise<Hosted> {
    const { model } = place;
    const loader = place.host as ModelThread;
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
    return { host: thread, model };
  }

  /** A process takes no model for another. */
  private async apart(bytes: Uint8Array, placed: PlacedModel): Promise<Hosted> {
    const why = `how long one takes and how much it gives is for its inputs to say, by the operator ${placed.sizedBy}`;
    const host: ModelProcess = new ModelProcess(this.options, why, (ended) => {
      this.processes.delete(host);
      if (!this.closed && isIn) placed.lost(ended);
    });
    let isIn = false;
    this.processes.add(host);
    const model = this.nextModel++;
    try {
      await host.ask({ ask: 'load', model, bytes });
    } catch (error) {
      void host.end();
      throw error;
    }
    isIn = true;
    return { host, model };
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
function forget({ host, model }: Hosted): void {
  host.ask({ ask: 'dispose', model }).catch(() => undefined);
}
