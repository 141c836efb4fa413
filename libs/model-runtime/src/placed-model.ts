import { LoadedModel, type TensorInfo, type TensorValue } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';
import type { Described, Values } from './model-messages.js';
import { RunEnded, type ModelProcess } from './model-process.js';
import { OnnxModel } from './onnx-model.js';

/** A model in a process, under its number there. */
export interface Hosted {
  readonly host: ModelProcess;
  readonly model: number;
}

/** What finds a place for a model, and is told when one is left. */
export interface Places {
  /** A run on the loop that takes longer is slow, ms: everybody waits for it. */
  readonly loopRunMsMax: number;
  /** Loads it once more, in a process. */
  hosted(bytes: Uint8Array, model: PlacedModel): Promise<Hosted>;
  leave(place: Hosted, model: PlacedModel): void;
}

/** Of the runs of late, which count by this weight, such a share may be slow: a processor taken away for a moment makes no model slow. */
const SMOOTHING = 0.02;
const SLOW_SHARE_MAX = 0.1;
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 30_000;
/** A process that ends after so long has not ended of what it was loaded with. */
const STOOD_MS = 60_000;

/**
 * A model on the loop or in a process. From the loop it moves to a process where its runs prove slow. Where its process ends it is loaded again from its
 * file, in another one; until then its runs fail at once.
 */
export class PlacedModel extends LoadedModel {
  readonly inputs: readonly TensorInfo[];
  readonly optionalInputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly classes: readonly (string | number)[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly width: number | undefined;
  readonly scoreName: string | undefined;
  readonly measured: MeasuredRun;
  readonly sizedBy: string | null;
  private place: OnnxModel | Hosted | null = null;
  private lostOf = '';
  private slowShare = 0;
  private moving = false;
  private pauseMs = PAUSE_MIN_MS;
  private backAt = performance.now();
  private disposed = false;

  /** @param file its bytes, once more */
  constructor(
    described: Described,
    private readonly places: Places,
    private readonly file: () => Promise<Uint8Array>,
  ) {
    super();
    this.inputs = described.inputs;
    this.optionalInputs = described.optionalInputs;
    this.outputs = described.outputs;
    this.classes = described.classes;
    this.metadata = described.metadata;
    this.width = described.width;
    this.scoreName = described.scoreName;
    this.measured = described.run;
    this.sizedBy = described.sizedBy;
  }

  override get runsOn(): LoadedModel['runsOn'] {
    return this.place instanceof OnnxModel ? 'loop' : 'process';
  }

  override get problem(): string | null {
    return this.place === null ? `${this.lostOf}; it is being loaded again` : null;
  }

  /** Where it is from now on. */
  settle(place: OnnxModel | Hosted): this {
    this.place = place;
    return this;
  }

  /** Its process has ended. */
  lost(why: Error): void {
    this.place = null;
    this.lostOf = why.message;
    if (why instanceof RunEnded || performance.now() - this.backAt > STOOD_MS) this.pauseMs = PAUSE_MIN_MS;
    void this.comeBack();
  }

  override run(features: Float32Array, rows: number, withinMs?: number): Float32Array | Promise<Float32Array> {
    const { place } = this;
    if (place instanceof OnnxModel) return this.onLoop(() => place.run(features, rows));
    const { host, model } = this.elsewhere(place);
    return host.ask({ ask: 'run', model, features, rows }, { withinMs, sizedBy: this.sizedBy });
  }

  override call(
    inputs: Values,
    outputs = this.outputs.map(({ name }) => name),
    withinMs?: number,
  ): Record<string, TensorValue> | Promise<Record<string, TensorValue>> {
    const { place } = this;
    if (place instanceof OnnxModel) return this.onLoop(() => place.call(inputs, outputs));
    const { host, model } = this.elsewhere(place);
    return host.ask({ ask: 'call', model, inputs, outputs }, { withinMs, sizedBy: this.sizedBy });
  }

  override dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.free();
  }

  private free(): void {
    const { place } = this;
    if (place instanceof OnnxModel) place.dispose();
    else if (place !== null) this.places.leave(place, this);
  }

  private elsewhere(place: Hosted | null): Hosted {
    if (this.disposed) throw new RangeError('This model has been disposed of');
    if (place !== null) return place;
    throw new Error(this.problem as string);
  }

  private onLoop<T>(run: () => T): T {
    const began = performance.now();
    const answer = run();
    const isSlow = performance.now() - began > this.places.loopRunMsMax;
    this.slowShare += SMOOTHING * ((isSlow ? 1 : 0) - this.slowShare);
    if (this.slowShare > SLOW_SHARE_MAX && !this.moving) void this.move();
    return answer;
  }

  private async move(): Promise<void> {
    this.moving = true;
    try {
      const place = await this.places.hosted(await this.file(), this);
      this.free();
      this.place = place;
      if (this.disposed) this.free();
    } catch {
      // It goes on where it is; the next slow runs try again.
      this.slowShare = 0;
    }
    this.moving = false;
  }

  /** The pause grows while it ends again and again, for it may be the model that ends it. */
  private async comeBack(): Promise<void> {
    while (!this.disposed) {
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs).unref());
      this.pauseMs = Math.min(PAUSE_MAX_MS, 2 * this.pauseMs);
      if (this.disposed) return;
      try {
        const place = await this.places.hosted(await this.file(), this);
        this.place = place;
        this.backAt = performance.now();
        if (this.disposed) this.free();
        return;
      } catch (error) {
        this.lostOf = (error as Error).message;
      }
    }
  }
}
