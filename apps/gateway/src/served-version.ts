import { GyreError, classesOf, type ModelInForce } from '@gyre/contracts';
import type { LoadedModel, TensorValue } from '@gyre/model-runtime';
import { RunTimes } from './run-times.js';
import type { TensorModel, TensorOptions } from './tensor-request.js';

/** A version in memory. It is freed when it has been retired and the last request that uses it is through. */
export class ServedVersion {
  readonly runTimes = new RunTimes();
  /** It was declared a batch, and answered with other rows than it was given. */
  private mergesRows = false;
  private users = 0;
  private retired = false;

  constructor(
    readonly version: number,
    /** sha-256 of the ONNX file. */
    readonly onnx: string,
    /** The spec that it was loaded under: its inputs and classes are this version's, whatever is applied later. */
    readonly spec: ModelInForce,
    private readonly model: LoadedModel,
  ) {}

  /** What it takes and gives where it is asked by its own tensors; null where it takes the features of a spec. */
  get tensors(): TensorModel | null {
    if (this.spec.imported !== true) return null;
    const { inputs, optionalInputs, outputs, sizedBy, measured } = this.model;
    const rowsIndependent = !this.mergesRows && sizedBy === null && measured?.rowsIndependent === true;
    return { inputs, optionalInputs, outputs, rowsIndependent };
  }

  get runsOn(): LoadedModel['runsOn'] {
    return this.model.runsOn;
  }

  /** See `LoadedModel.sizedBy`. */
  get sizedBy(): string | null {
    return this.model.sizedBy;
  }

  /** Why it cannot answer now, in words; null where it can. */
  get problem(): string | null {
    return this.model.problem;
  }

  /** Shortest time of a run of one row, microseconds; null where it is not known. */
  get runMicros(): number | null {
    return this.model.measured?.micros ?? null;
  }

  get classes(): LoadedModel['classes'] {
    return this.model.classes;
  }

  /** Columns of its answer: one for each class, or one. */
  get outputs(): number {
    return Math.max(1, classesOf(this.spec.label).length);
  }

  /**
   * @param features row-major float32 of shape [rows, width]; NaN is missing
   * @returns row-major float32 of shape [rows, outputs]
   * @param withinMs see `LoadedModel.run`
   * @throws GyreError MODEL_INVALID if the answer has another shape
   */
  run(features: Float32Array, rows: number, withinMs?: number): Float32Array | Promise<Float32Array> {
    const answer = this.model.run(features, rows, withinMs);
    return answer instanceof Promise ? answer.then((values) => this.checked(values, rows)) : this.checked(answer, rows);
  }

  /** Asks it by its own tensors, in the order of its inputs. @param options optional inputs by name @returns all outputs by name */
  call(
    values: readonly TensorValue[],
    options: TensorOptions | null = null,
    withinMs?: number,
  ): Readonly<Record<string, TensorValue>> | Promise<Readonly<Record<string, TensorValue>>> {
    const { inputs } = this.model;
    const named: Record<string, TensorValue> = { ...options };
    for (let i = 0; i < inputs.length; i++) named[inputs[i]?.name as string] = values[i] as TensorValue;
    return this.model.call(named, undefined, withinMs);
  }

  /** Whether outputs have a row for each of a batch; where they do not, it is given no batches from now on. */
  keepsRows(outputs: Readonly<Record<string, TensorValue>>, rows: number): boolean {
    if (Object.values(outputs).every(({ dims }) => dims[0] === rows)) return true;
    this.mergesRows = true;
    return false;
  }

  /**
   * The scores among outputs: row-major float32 of shape [rows, columns], what a record holds; empty where no output looks like scores.
   */
  scoresIn(outputs: Readonly<Record<string, TensorValue>>, rows: number): Float32Array {
    const scores = outputs[this.model.scoreName ?? ''];
    if (scores === undefined || scores.data.length > SCORES_MAX || scores.data.length % rows !== 0) return NO_SCORES;
    const { data } = scores;
    return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
  }

  /** Keeps it in memory until `release`, also where it is retired meanwhile. */
  hold(): void {
    this.users += 1;
  }

  release(): void {
    this.users -= 1;
    this.freeIfUnused();
  }

  retire(): void {
    this.retired = true;
    this.freeIfUnused();
  }

  private freeIfUnused(): void {
    if (this.retired && this.users === 0) this.model.dispose();
  }

  private checked(values: Float32Array, rows: number): Float32Array {
    if (values.length !== rows * this.outputs) {
      throw new GyreError(
        'MODEL_INVALID',
        `version ${this.version} answered ${values.length} values for ${rows} rows; expected ${this.outputs} a row`,
      );
    }
    return values;
  }
}

const NO_SCORES = new Float32Array(0);
/** More numbers than that are no scores of a batch, but a picture or a text. */
const SCORES_MAX = 1_000_000;
