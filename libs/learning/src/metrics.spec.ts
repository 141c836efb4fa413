import { ConfusionMatrix } from './confusion-matrix.js';
import { classMetrics, metricsOf } from './metrics.js';

describe('metrics', () => {
  it('are null without rows, never NaN', () => {
    const none = new Float64Array(0);
    expect(metricsOf('binary', none, none, 2)).toEqual({
      rows: 0,
      accuracy: null,
      kappa: null,
      macroF1: null,
      logLoss: null,
      rocAuc: null,
      prAuc: null,
    });
    expect(metricsOf('regression', none, none, 1)).toEqual({ rows: 0, mae: null, rmse: null, r2: null });
  });

  it('measure a wrong certainty as very bad, not as infinite', () => {
    expect(classMetrics('binary', Float64Array.of(1, 0), Float64Array.of(1), 2).logLoss).toBeCloseTo(36.04, 2);
  });

  it('refuse classes that do not exist and leave the counts as they were', () => {
    const matrix = new ConfusionMatrix(2);
    expect(() => matrix.add(0, 2)).toThrow(RangeError);
    expect(() => matrix.add(0.5, 1)).toThrow(RangeError);
    expect(matrix.rows).toBe(0);
  });
});
