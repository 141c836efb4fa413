import type { OnnxTensor } from '@gyre/model-runtime';
import { VALUE_MAX, type LinearModel } from '@gyre/learning';
import { INPUT, type ScoreGraph } from './export-onnx.js';

const FLOAT64 = 11;

/** A linear model in float64: the missing are replaced by the mean, then one Gemm; the value of a regression stays within float32. */
export function linearGraph(model: LinearModel): ScoreGraph {
  const { task, width, mean, weights, intercept } = model;
  const outputs = intercept.length;
  const isValue = task === 'regression';
  return {
    nodes: [
      { op: 'Cast', inputs: [INPUT], outputs: ['wide'], attributes: { to: { int: FLOAT64 } } },
      { op: 'IsNaN', inputs: ['wide'], outputs: ['missing'] },
      { op: 'Where', inputs: ['missing', 'mean', 'wide'], outputs: ['filled'] },
      {
        op: 'Gemm',
        inputs: ['filled', 'weights', 'intercept'],
        outputs: ['line'],
        attributes: { transB: { int: 1 } },
      },
      ...(isValue ? [{ op: 'Clip', inputs: ['line', 'lowest', 'largest'], outputs: ['scores'] }] : []),
    ],
    constants: {
      mean: { type: 'float64', dims: [1, width], values: mean },
      weights: { type: 'float64', dims: [outputs, width], values: weights.flat() },
      intercept: { type: 'float64', dims: [outputs], values: intercept },
      ...(isValue ? { lowest: float64(-VALUE_MAX), largest: float64(VALUE_MAX) } : {}),
    },
    scores: isValue ? 'scores' : 'line',
    scoresType: 'float64',
  };
}

function float64(value: number): OnnxTensor {
  return { type: 'float64', dims: [], values: [value] };
}
