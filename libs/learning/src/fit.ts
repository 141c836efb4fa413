import { type TreesOptions, fitTrees } from './boosting.js';
import { type ConstantModel, fitConstant, predictConstant } from './constant.js';
import type { Dataset, Task } from './dataset.js';
import { type LinearModel, type LinearOptions, fitLinear, predictLinear } from './linear.js';
import { type TreesModel, predictTrees } from './trees-model.js';

interface TrainerTask {
  readonly task: Task;
  /** The number of classes; required for multiclass. */
  readonly classes?: number;
}

/** What to train, and how. */
export type TrainerSpec =
  | (TrainerTask & { readonly kind: 'trees' } & TreesOptions)
  | (TrainerTask & { readonly kind: 'linear' } & LinearOptions)
  | (TrainerTask & { readonly kind: 'constant' });

/** A trained model: plain JSON, from which predictions follow without anything else. */
export type FittedModel = TreesModel | LinearModel | ConstantModel;

/**
 * Trains what the spec says. The same arguments give the same model, to the last bit.
 *
 * @param validation later rows that tell trees when to stop, if the spec asks for that; else unused
 * @param seed of the draws of rows and features; without such draws it does not matter
 * @throws RangeError on options out of range or data of the wrong shape, see {@link fitTrees} and {@link fitLinear}
 */
export function fit(spec: TrainerSpec, train: Dataset, validation: Dataset | undefined, seed: number): FittedModel {
  switch (spec.kind) {
    case 'trees': {
      const { kind: _, task, classes, ...options } = spec;
      return fitTrees(task, classes, options, train, validation, seed);
    }
    case 'linear':
      return fitLinear(spec.task, spec.classes, spec, train);
    case 'constant':
      return fitConstant(spec.task, spec.classes, train);
  }
}

/**
 * @param features row-major float32 of shape [rows, model.width]; NaN is missing, every other value finite
 * @returns float64 of shape [rows, model.classes]: probabilities that sum to 1 in each row, or a regression's values
 * @throws RangeError if there are not rows × width values
 */
export function predict(model: FittedModel, features: Float32Array, rows: number): Float64Array {
  checkShape(model, features, rows);
  switch (model.kind) {
    case 'trees':
      return predictTrees(model, features, rows);
    case 'linear':
      return predictLinear(model, features, rows);
    case 'constant':
      return predictConstant(model, rows);
  }
}

function checkShape(model: FittedModel, features: Float32Array, rows: number): void {
  if (features.length !== rows * model.width) {
    throw new RangeError(`${rows} rows of ${model.width} features are not ${features.length} values`);
  }
}
