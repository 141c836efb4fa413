import { fit, predict } from './fit.js';

/** Few and small trees: enough to see a change, quick to train at every look. */
const TREES = { kind: 'trees', task: 'binary', rounds: 30, maxLeaves: 8, minLeafRows: 10 } as const;

/**
 * Trains boosted trees to tell the rows labelled 1 from those labelled 0: the classifier of a domain-classifier test.
 *
 * @param features row-major float32 of shape [rows, width]; NaN is missing, all else finite
 * @returns what gives rows of the same width their probability of label 1
 */
export function trainDomainTrees(
  features: Float32Array,
  labels: Float64Array,
  rows: number,
): (features: Float32Array, rows: number) => Float64Array {
  const model = fit(TREES, { features, labels, rows, width: features.length / rows }, undefined, 1);
  return (tested, count) => predict(model, tested, count).filter((_, i) => i % 2 === 1);
}
