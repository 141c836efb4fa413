import type { LoadedModel } from './loaded-model.js';
import type { Described } from './model-messages.js';
import { ModelProcess, type ProcessLimits } from './model-process.js';
import { OnnxModel } from './onnx-model.js';
import { PlacedModel, type Hosted, type Places } from './placed-model.js';

export interface ModelWorkerOptions extends Omit<ProcessLimits, 'loadMsMax'> {
  /** A model whose run of one row takes longer stays in a process, microseconds; 0: every model. */
  loopMicrosMax: number;
  /** Processes that models stay in; where there are more models, they share them. */
  processesMax: number;
}

const LOAD_MS_MAX = 60_000;
/** Rows in a run that is no longer quick, of the slowest model that is. */
const ROWS_QUICK = 50;
/** So long the process that loads waits for the next model. */
const LOADER_IDLE_MS = 60_000;

/**
 * Loads models where they hold up nobody: each is loaded and measured in a process that runs none. One whose run is known to be short, whatever it is
 * sent, then moves to the caller's thread, where it is answered without a message to and fro; for another that process becomes its own, as long as there
 * may be more of them.
 */
export class ModelWorker implements Places {
  readonly loopRunMsMax: number;
  /** Those that run models, each with its own. */
  private readonly processes = new Map<ModelProcess, Set<PlacedModel>>();
  /** Loads the next one. */
  private loader: ModelProcess | undefined;
  private loading: Promise<unknown> = Promise.resolve();
  private idle: NodeJS.Timeout | undefined;
  /** One that another model is about to join, so that it stays. */
  private joined: ModelProcess | undefined;
  private nextModel = 1;
  private closed = false;

  constructor(private readonly options: ModelWorkerOptions) {
    // A processor that is taken away for a moment makes shorter ones long.
    this.loopRunMsMax = Math.max(5, (ROWS_QUICK * options.loopMicrosMax) / 1_000);
  }

  /**
   * @param file its bytes once more, where its process has ended or another place is better
   * @throws GyreError MODEL_INVALID by rejection, if onnxruntime cannot run it, or it takes too long or too much to load
   */
  load(bytes: Uint8Array, file = (): Promise<Uint8Array> => Promise.resolve(bytes)): Promise<LoadedModel> {
    return this.inTurn(async () => {
      const { place, described } = await this.loaded(bytes);
      const placed = new PlacedModel(described, this, file);
      if (!this.isQuick(described)) return placed.settle(await this.stay(bytes, place, placed));
      const onLoop = OnnxModel.load(bytes, described.run);
      forget(place);
      return placed.settle(onLoop);
    });
  }

  hosted(bytes: Uint8Array, placed: PlacedModel): Promise<Hosted> {
    return this.inTurn(async () => this.stay(bytes, (await this.loaded(bytes)).place, placed));
  }

  leave(place: Hosted, placed: PlacedModel): void {
    forget(place);
    const { host } = place;
    const own = this.processes.get(host);
    own?.delete(placed);
    if (own?.size !== 0 || this.joined === host) return;
    this.processes.delete(host);
    if (this.loader !== undefined) return void host.end();
    this.loader = host;
    this.restLoader();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.idle);
    const all = [...this.processes.keys()];
    if (this.loader !== undefined) all.push(this.loader);
    await Promise.all(all.map((process) => process.end()));
  }

  /** One after the other: a process that loads may become a model's own. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.loading.then(work).finally(() => this.restLoader());
    this.loading = done.catch(() => undefined);
    return done;
  }

  private async loaded(bytes: Uint8Array): Promise<{ place: Hosted; described: Described }> {
    if (this.closed) throw new Error('the models have been closed');
    clearTimeout(this.idle);
    const host = (this.loader ??= this.start());
    const model = this.nextModel++;
    return { place: { host, model }, described: await host.ask<Described>({ ask: 'load', model, bytes }) };
  }

  private restLoader(): void {
    clearTimeout(this.idle);
    const { loader } = this;
    this.idle = setTimeout(() => {
      if (this.loader === loader) this.loader = undefined;
      void loader?.end();
    }, LOADER_IDLE_MS).unref();
  }

  /**
   * Free dimensions, optional inputs and values that say how much a run does make runs of any length: samples of them tell nothing of what requests will
   * bring. So do rows that are not independent, for they are not scored part by part.
   */
  private isQuick({ inputs, optionalInputs, sizedBy, run: { micros, rowsIndependent } }: Described): boolean {
    if (micros === null || micros > this.options.loopMicrosMax) return false;
    if (sizedBy !== null || optionalInputs.length > 0) return false;
    return inputs.every(({ shape, anyRank }) => {
      const isBounded = typeof shape[0] !== 'string' || rowsIndependent;
      return anyRank !== true && isBounded && shape.slice(1).every((size) => typeof size === 'number');
    });
  }

  /** Finds a model that the loading process holds a process to stay in. */
  private async stay(bytes: Uint8Array, place: Hosted, placed: PlacedModel): Promise<Hosted> {
    const { host: loader, model } = place;
    if (this.processes.size < this.options.processesMax) {
      this.processes.set(loader, new Set([placed]));
      this.loader = undefined;
      return place;
    }
    const [host] = [...this.processes].reduce((a, b) => (b[1].size < a[1].size ? b : a));
    forget(place);
    this.joined = host;
    try {
      await host.ask({ ask: 'load', model, bytes });
    } finally {
      this.joined = undefined;
    }
    this.processes.get(host)?.add(placed);
    return { host, model };
  }

  private start(): ModelProcess {
    const { runMsMax, bytesMax } = this.options;
    const process: ModelProcess = new ModelProcess({ loadMsMax: LOAD_MS_MAX, runMsMax, bytesMax }, (why) => {
      if (this.loader === process) this.loader = undefined;
      const models = this.processes.get(process) ?? [];
      this.processes.delete(process);
      if (!this.closed) for (const model of models) model.lost(why);
    });
    return process;
  }
}

/** Where the process has ended, so has the model. */
function forget({ host, model }: Hosted): void {
  host.ask({ ask: 'dispose', model }).catch(() => undefined);
}
