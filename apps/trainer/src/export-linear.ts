import type { LinearModel } from '@gyre/learning';
import { INPUT, type ScoreGraph } from './export-onnx.js';

const FLOAT64 = 11;

/** A linear model in float64: the missing are replaced by the mean, then one Gemm. */
export function linearGraph(model: LinearModel): ScoreGraph {
  const { width, mean, weights, intercept } = model;
  const outputs = intercept.length;
  return {
    nodes: [
      { op: 'Cast', inputs: [INPUT], outputs: ['wide'], attributes: { to: { int: FLOAT64 } } },
      { op: 'IsNaN', inputs: ['wide'], outputs: ['missing'] },
      { op: 'Where', inputs: ['missing', 'mean', 'wide'], outputs: ['filled'] },
      {
        op: 'Gemm',
        inputs: ['filled', 'weights', 'intercept'],
        outputs: ['scores'],
        attributes: { transB: { int: 1 } },
      },
    ],
    constants: {
      mean: { type: 'float64', dims: [1, width], values: mean },
      weights: { type: 'float64', dims: [outputs, width], values: weights.flat() },
      intercept: { type: 'float64', dims: [outputs], values: intercept },
    },
    scores: 'scores',
    scoresType: 'float64',
  };
}
