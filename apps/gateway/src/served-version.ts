import { GyreError, classesOf, type ModelInForce } from '@gyre/contracts';
import type { LoadedModel } from '@gyre/model-runtime';

/** A version in memory. It is freed when it has been retired and the last request that uses it is through. */
export class ServedVersion {
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

  /** Columns of its answer: one for each class, or one. */
  get outputs(): number {
    return outputsOf(this.spec);
  }

  /**
   * @param features row-major float32 of shape [rows, width]; NaN is missing
   * @returns row-major float32 of shape [rows, outputs]
   * @throws GyreError MODEL_INVALID if the answer has another shape
   */
  run(features: Float32Array, rows: number): Float32Array | Promise<Float32Array> {
    const answer = this.model.run(features, rows);
    return answer instanceof Promise ? answer.then((values) => this.checked(values, rows)) : this.checked(answer, rows);
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

export function outputsOf(spec: ModelInForce): number {
  return Math.max(1, classesOf(spec.label).length);
}
