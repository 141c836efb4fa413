import { type Dataset, type Task, checkDataset, columnsOf } from './dataset.js';
import { classPriors, meanOf } from './objective.js';

/**
 * The trivial baseline as plain JSON: says the same of every row, the share of each class (the majority class is the most
 * likely) or the mean. What does not beat it has learnt nothing.
 */
export interface ConstantModel {
  readonly kind: 'constant';
  readonly task: Task;
  /** 2, the number of classes, or 1 for a regression: the columns of a prediction. */
  readonly classes: number;
  readonly width: number;
  /** Of shape [classes]: probabilities, or the mean. */
  readonly value: number[];
}

/**
 * A class without rows counts as half a row; no rows give 0 or equal chances.
 *
 * @param classes required for multiclass
 * @throws RangeError on data that {@link checkDataset} refuses
 */
export function fitConstant(task: Task, classes: number | undefined, train: Dataset): ConstantModel {
  const columns = columnsOf(task, classes);
  checkDataset(train, task, columns);
  const value = task === 'regression' ? [meanOf(train.labels)] : Array.from(classPriors(train.labels, columns));
  return { kind: 'constant', task, classes: columns, width: train.width, value };
}

/** @returns float64 of shape [rows, classes] */
export function predictConstant(model: ConstantModel, rows: number): Float64Array {
  return Float64Array.from({ length: rows * model.classes }, (_, i) => model.value[i % model.classes]!);
}
