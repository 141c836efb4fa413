import { fit, type Dataset } from '@gyre/learning';
import { exportOnnx } from './export-onnx.js';
import { predictRows } from './measure.js';
import type { CandidatePlan } from './plan.js';
import { onnxDifference } from './verify.js';

describe('onnxDifference', () => {
  const rows = 600;
  const data: Dataset = {
    rows,
    width: 1,
    features: Float32Array.from({ length: rows }, (_, i) => i),
    labels: Float64Array.from({ length: rows }, (_, i) => Number(i % 7 > 3)),
  };
  const holdout = { from: 100, to: rows };
  const plan = { holdout, classes: 2 } as CandidatePlan;
  const model = fit({ kind: 'trees', task: 'binary', minLeafRows: 2 }, data, undefined, 1);
  const onnx = exportOnnx(model, data, { classes: '[0,1]' });
  const expected = predictRows(model, data, holdout);
  const difference = (says: Float64Array): number => onnxDifference(onnx, data, plan, says);

  it('is next to nothing where file and trainer agree', () => {
    expect(difference(expected)).toBeLessThan(1e-6);
  });

  it.each([0, 511, expected.length - 1])('sees one row that differs, wherever it is: value %d', (at) => {
    expect(difference(expected.map((p, i) => (i === at ? (p > 0.5 ? p - 0.25 : p + 0.25) : p)))).toBeCloseTo(0.25, 5);
  });

  it('is infinite where either has no number', () => {
    expect(difference(expected.map((p, i) => (i === 3 ? NaN : p)))).toBe(Infinity);
  });
});
