import { type Background, checkRows, type Explanation } from './explanation.js';
import type { LinearModel } from './linear.js';

/**
 * Shapley values of a linear model, on the scores before the link: weight × (x − the background's mean), missing values being the model's mean.
 * O(rows · outputs · width).
 *
 * @param features row-major of shape [rows, width]; NaN is missing
 * @param background by default the model's own means
 * @throws RangeError on rows of another width, or a background without a row
 * @see S. Lundberg, S.-I. Lee (2017), A Unified Approach to Interpreting Model Predictions, NeurIPS, corollary 1
 */
export function explainLinear(
  model: Pick<LinearModel, 'width' | 'mean' | 'weights' | 'intercept'>,
  features: ArrayLike<number>,
  rows: number,
  background: Background = { features: model.mean, rows: 1 },
): Explanation {
  const { width, mean, weights, intercept } = model;
  checkRows('explain', features, rows, width);
  checkRows('background', background.features, background.rows, width, 1);
  const present = (values: ArrayLike<number>, at: number) => {
    const x = values[at]!;
    return x === x ? x : mean[at % width]!;
  };
  const usual = Float64Array.from(mean, () => 0);
  for (let at = 0; at < background.features.length; at++) usual[at % width]! += present(background.features, at);
  for (let f = 0; f < width; f++) usual[f]! /= background.rows;
  const outputs = intercept.length;
  const expected = Float64Array.from(intercept);
  const contributions = new Float64Array(rows * outputs * width);
  for (let k = 0; k < outputs; k++) {
    for (let f = 0; f < width; f++) {
      const weight = weights[k]![f]!;
      expected[k]! += weight * usual[f]!;
      for (let row = 0; row < rows; row++) {
        contributions[(row * outputs + k) * width + f] = weight * (present(features, row * width + f) - usual[f]!);
      }
    }
  }
  return { expected, contributions };
}
