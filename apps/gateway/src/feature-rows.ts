import { GyreError, type ModelInput } from '@gyre/contracts';
import type { Tensor } from './oip.js';

/** Features of one or more rows: row-major float32 of shape [rows, width]; NaN is missing. */
export interface FeatureRows {
  rows: number;
  features: Float32Array;
}

/**
 * The features that a request brought: one tensor `features` [N, width], or one tensor [N] or [N, 1] for each feature, named `field` or
 * `view.field`. Numbers of any datatype become float32.
 *
 * @param inputs the model's, in its order
 * @throws GyreError FEATURES_MISMATCHED saying what was expected
 */
export function featureRows(tensors: readonly Tensor[], inputs: readonly ModelInput[]): FeatureRows {
  const [first] = tensors;
  if (first === undefined) throw mismatch(`the request brings no input`, inputs);
  if (first.name === MATRIX && tensors.length === 1) return fromMatrix(first, inputs);
  return fromColumns(tensors, inputs);
}

/** The name of the input that brings all features. */
export const MATRIX = 'features';

function fromMatrix(tensor: Tensor, inputs: readonly ModelInput[]): FeatureRows {
  const [rows, width] = tensor.shape;
  if (tensor.shape.length !== 2 || rows === undefined || rows === 0 || width !== inputs.length) {
    throw mismatch(`input "${MATRIX}" has shape [${tensor.shape.join(', ')}]`, inputs);
  }
  const values = numbersIn(tensor, inputs);
  const features = values instanceof Float32Array ? values : Float32Array.from(values, Number);
  refuseInfinite(features, inputs);
  return { rows, features };
}

function fromColumns(tensors: readonly Tensor[], inputs: readonly ModelInput[]): FeatureRows {
  const width = inputs.length;
  const rows = (tensors[0] as Tensor).shape[0] ?? 0;
  const columns = new Map<number, Tensor>();
  for (const tensor of tensors) {
    const { name, shape } = tensor;
    const column = columnOf(name, inputs);
    if (column === undefined) throw mismatch(`there is no input "${name}"`, inputs);
    if (columns.has(column)) throw mismatch(`input "${name}" is brought twice`, inputs);
    if (rows === 0 || shape[0] !== rows || shape.length > 2 || (shape[1] ?? 1) !== 1) {
      throw mismatch(`input "${name}" has shape [${shape.join(', ')}] in a request of ${rows} rows`, inputs);
    }
    columns.set(column, tensor);
  }
  const missing = inputs.filter((_, column) => !columns.has(column));
  if (missing.length > 0) throw mismatch(`no input for ${missing.map(nameOf).join(', ')}`, inputs);
  const features = new Float32Array(rows * width);
  for (const [column, tensor] of columns) {
    const values = numbersIn(tensor, inputs);
    for (let row = 0; row < rows; row++) features[row * width + column] = Number(values[row]);
  }
  refuseInfinite(features, inputs);
  return { rows, features };
}

/** By `view.field`, or by `field` where only one view has it. */
function columnOf(name: string, inputs: readonly ModelInput[]): number | undefined {
  const matching = inputs.flatMap((input, i) => (input.field === name || nameOf(input) === name ? [i] : []));
  return matching.length === 1 ? matching[0] : undefined;
}

function numbersIn(tensor: Tensor, inputs: readonly ModelInput[]): ArrayLike<number | bigint> {
  if (tensor.datatype !== 'BYTES') return tensor.values as ArrayLike<number | bigint>;
  throw mismatch(`input "${tensor.name}" is BYTES`, inputs);
}

function refuseInfinite(features: Float32Array, inputs: readonly ModelInput[]): void {
  for (let i = 0; i < features.length; i++) {
    if (Math.abs(features[i] as number) !== Infinity) continue;
    const [row, column] = [Math.floor(i / inputs.length), inputs[i % inputs.length] as ModelInput];
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `the feature ${nameOf(column)} of row ${row} is beyond float32; expected a finite number, or NaN for a missing one`,
    );
  }
}

function mismatch(problem: string, inputs: readonly ModelInput[]): GyreError {
  const width = inputs.length;
  const names = inputs.slice(0, NAMES_SHOWN).map(nameOf).join(', ') + (width > NAMES_SHOWN ? ', …' : '');
  return new GyreError(
    'FEATURES_MISMATCHED',
    `${problem}; expected one input "${MATRIX}" of FP32 [N, ${width}] with the columns ${names}, or one input [N] for each of these by name, or the parameter "entity"`,
  );
}

const NAMES_SHOWN = 40;

function nameOf({ view, field }: ModelInput): string {
  return `${view}.${field}`;
}
