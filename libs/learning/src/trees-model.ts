import type { Task } from './dataset.js';
import { linkInPlace } from './link.js';

/**
 * One regression tree as flat arrays, an entry per node, the root first and children behind their parents.
 *
 * A row goes left when `x[feature] <= threshold`, compared as float32, or when x[feature] is missing and `missingLeft`.
 * A leaf has feature -1 and adds `value` to the score of `output`.
 */
export interface Tree {
  readonly output: number;
  readonly feature: number[];
  readonly threshold: number[];
  readonly left: number[];
  readonly right: number[];
  readonly missingLeft: boolean[];
  readonly value: number[];
}

/**
 * Boosted trees as plain JSON: the score of output k is base[k] plus the values of the leaves that its trees end in.
 * There is one output for a binary task (log-odds of class 1) and a regression (the value), one per class otherwise.
 */
export interface TreesModel {
  readonly kind: 'trees';
  readonly task: Task;
  /** 2, the number of classes, or 1 for a regression: the columns of a prediction. */
  readonly classes: number;
  readonly width: number;
  readonly base: number[];
  readonly trees: Tree[];
}

/**
 * @param features row-major float32 of shape [rows, width]; NaN is missing
 * @returns float64 of shape [rows, outputs]: scores before the link
 */
export function treesRaw(model: TreesModel, features: Float32Array, rows: number): Float64Array {
  const outputs = model.base.length;
  const scores = new Float64Array(rows * outputs);
  for (let i = 0; i < scores.length; i++) scores[i] = model.base[i % outputs]!;
  for (const tree of model.trees) addTree(tree, features, rows, model.width, scores, outputs);
  return scores;
}

/** @returns float64 of shape [rows, classes]: probabilities, or the value of a regression */
export function predictTrees(model: TreesModel, features: Float32Array, rows: number): Float64Array {
  return linkInPlace(model.task, treesRaw(model, features, rows), rows);
}

/** Adds a tree's values to column `tree.output` of scores, row-major of shape [rows, outputs]. */
export function addTree(
  tree: Tree,
  features: Float32Array,
  rows: number,
  width: number,
  scores: Float64Array,
  outputs: number,
): void {
  const { feature, threshold, left, right, missingLeft, value } = tree;
  for (let row = 0, at = tree.output; row < rows; row++, at += outputs) {
    const start = row * width;
    let node = 0;
    for (let f = feature[0]!; f >= 0; f = feature[node]!) {
      const x = features[start + f]!;
      node = x <= threshold[node]! || (x !== x && missingLeft[node]!) ? left[node]! : right[node]!;
    }
    scores[at]! += value[node]!;
  }
}
