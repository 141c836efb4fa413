import type { MeasuredRun } from './measured-run.js';

/** Element types by their common names, as onnxruntime calls them. */
export type TensorType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string';

/** An input or output of a model. A dimension that is a name varies from call to call; '' is a varying one without a name. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly (number | string)[];
  /** The file does not say how many dimensions it has: `shape` is empty, and any fits. */
  readonly anyRank?: true;
}

/** Values of any type, row-major. 64-bit integers are BigInt64Array or BigUint64Array, booleans a Uint8Array of 0 and 1. */
export interface TensorValue {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint> | readonly string[];
}

/**
 * A model in memory, ready to answer. The bytes that it was loaded from are no longer needed.
 *
 * A port: on the caller's thread answers are there when the call returns, from elsewhere they are promised. So callers of this class `await`; those that
 * hold an `OnnxModel` need not.
 */
export abstract class LoadedModel {
  /** What must be brought. */
  abstract readonly inputs: readonly TensorInfo[];
  /** What may be brought besides: the file has a value for each. */
  abstract readonly optionalInputs: readonly TensorInfo[];
  abstract readonly outputs: readonly TensorInfo[];
  /** Features a row has; undefined where the model takes something other than one matrix of float32. */
  abstract readonly width: number | undefined;
  /** What the columns of a classifier's answer stand for; empty where the file does not say. */
  abstract readonly classes: readonly (string | number)[];
  /** What the file says of itself. */
  abstract readonly metadata: Readonly<Record<string, string>>;
  /** The output that holds the probabilities or the value; undefined where none looks like it. */
  abstract readonly scoreName: string | undefined;
  /** What running it on samples has shown; null where nobody has. */
  abstract readonly measured: MeasuredRun | null;
  /** `loop`: the caller's thread, whose answers are there when the call returns; `process`: another process. It may change. */
  abstract readonly runsOn: 'loop' | 'process';
  /** The operator for which nobody knows how long a run takes before it is through, see `sizedByValues`; null where there is none. */
  abstract readonly sizedBy: string | null;
  /** Why it cannot answer now, in words; null where it can. */
  get problem(): string | null {
    return null;
  }

  /**
   * Scores rows.
   *
   * @param features row-major float32 of shape [rows, width], NaN is missing; rows at least 1
   * @param withinMs how long an answer is worth waiting for: in a process no run begins after that, and one of a model with `sizedBy` is ended then
   * @returns row-major float32 of shape [rows, outputs]: the probability of each class, or the value
   * @throws GyreError FEATURES_MISMATCHED if the shape is not the model's; DEADLINE_EXCEEDED, RUN_TOO_LARGE for a run that was ended
   */
  abstract run(features: Float32Array, rows: number, withinMs?: number): Float32Array | Promise<Float32Array>;

  /**
   * Any inputs, by name, to any outputs.
   *
   * @param outputs the names wanted; default: all
   * @param withinMs as for `run`
   * @throws GyreError FEATURES_MISMATCHED if an input is missing, unknown, of the wrong type or shape, or one that the model fails on though it runs on
   *   others; RUN_TOO_LARGE if it gives more than can be passed on, or its run was ended; DEADLINE_EXCEEDED; Error if the model fails whatever it is given
   */
  abstract call(
    inputs: Readonly<Record<string, TensorValue>>,
    outputs?: readonly string[],
    withinMs?: number,
  ): Record<string, TensorValue> | Promise<Record<string, TensorValue>>;

  /** Frees the model's memory; nothing may be asked of it afterwards. A second call does nothing. */
  abstract dispose(): void;
}
