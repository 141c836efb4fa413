import type { TensorInfo, TensorValue } from './loaded-model.js';
import type { MeasuredRun } from './measured-run.js';

/** What a model says of itself once it is loaded. */
export interface Described {
  inputs: readonly TensorInfo[];
  optionalInputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  classes: readonly (string | number)[];
  metadata: Readonly<Record<string, string>>;
  width: number | undefined;
  scoreName: string | undefined;
  run: MeasuredRun;
  /** See `sizedByValues`. */
  sizedBy: string | null;
}
export type Values = Readonly<Record<string, TensorValue>>;

/** What the process of models is asked, one after the other; each gets one answer. */
export type ModelRequest =
  | { ask: 'load'; model: number; bytes: Uint8Array }
  | { ask: 'run'; model: number; features: Float32Array; rows: number }
  | { ask: 'call'; model: number; inputs: Values; outputs: readonly string[] }
  | { ask: 'dispose'; model: number };
export type ModelAnswer =
  { value: Described | Float32Array | Values | null } | { failure: { code: string | null; message: string } };
