import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { ConfusionMatrix } from './confusion-matrix.js';
import { classMetrics, confusionOf, metricsOf } from './metrics.js';
import { brierSum, logLoss } from './probability-metrics.js';
import { rankingMetrics } from './ranking-metrics.js';
import { RegressionErrors } from './regression-errors.js';

interface MetricCase {
  id: string;
  kind: 'binary' | 'multiclass' | 'regression' | 'fairness';
  y: number[];
  p: number[] | number[][];
  expected: Record<string, unknown>;
}

const golden = JSON.parse(readFileSync(new URL('../testdata/golden/metrics.json', import.meta.url), 'utf8')) as {
  cases: MetricCase[];
};

/** What the golden file knows and this library does not compute yet. Whatever is neither here nor computed fails. */
const later: Record<MetricCase['kind'], readonly string[]> = {
  binary: [
    'balanced_accuracy',
    'specificity',
    'f1_weighted',
    'fbeta_2',
    'mcc',
    'ece_10',
    'mce_10',
    'ece_15',
    'mce_15',
    'pr_auc_trapezoid',
    'ks_statistic_of_scores',
    'gini',
  ],
  multiclass: [
    'precision_micro',
    'recall_micro',
    'f1_micro',
    'precision_weighted',
    'recall_weighted',
    'f1_weighted',
    'kappa_quadratic',
    'mcc',
    'roc_auc_ovr_macro',
    'roc_auc_ovr_weighted',
    'roc_auc_ovo_macro',
    'top_2_accuracy',
  ],
  regression: [
    'mape',
    'median_ae',
    'max_error',
    'mean_error',
    'smape',
    'explained_variance',
    'rmsle',
    'pinball_0.1',
    'pinball_0.9',
  ],
  fairness: [
    'demographic_parity_difference',
    'demographic_parity_ratio',
    'equalized_odds_difference',
    'equalized_odds_ratio',
    'equal_opportunity_difference',
    'groups',
    'disparate_impact_against_first_group',
  ],
};

describe('metrics agree with scikit-learn', () => {
  it.each(golden.cases.filter((one) => one.kind !== 'fairness'))('$kind: $id', (one) => {
    const computed = compute(one);
    for (const [name, value] of Object.entries(computed)) expectSame(name, value, one.expected[name]);
  });

  it('and none of its metrics is passed over in silence', () => {
    const seen = { binary: 0, multiclass: 0, regression: 0, fairness: 0 };
    for (const one of golden.cases) {
      seen[one.kind]++;
      const known = [...Object.keys(compute(one)), ...later[one.kind]];
      expect(Object.keys(one.expected).filter((name) => !known.includes(name))).toEqual([]);
    }
    expect(seen).toEqual({ binary: 13, multiclass: 4, regression: 7, fairness: 4 });
  });
});

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

  it('merge from parts as if counted in one', () => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
    fc.assert(
      fc.property(fc.array(pair), fc.array(pair), (first, second) => {
        const whole = new ConfusionMatrix(4);
        const parts = [new ConfusionMatrix(4), new ConfusionMatrix(4)] as const;
        const errors = new RegressionErrors();
        const errorParts = [new RegressionErrors(), new RegressionErrors()] as const;
        [first, second].forEach((pairs, part) => {
          for (const [label, predicted] of pairs) {
            whole.add(label, predicted);
            parts[part]!.add(label, predicted);
            errors.add(label, predicted);
            errorParts[part]!.add(label, predicted);
          }
        });
        parts[0].merge(ConfusionMatrix.of(JSON.parse(JSON.stringify(parts[1].state()))));
        expect(parts[0].state()).toEqual(whole.state());
        expect(parts[0].rows).toBe(whole.rows);
        errorParts[0].merge(RegressionErrors.of(JSON.parse(JSON.stringify(errorParts[1].state()))));
        expect(errorParts[0].rows).toBe(errors.rows);
        for (const metric of ['mae', 'rmse', 'r2'] as const) {
          expectSame(metric, errorParts[0][metric](), errors[metric]());
        }
      }),
    );
  });

  it('refuse classes that do not exist and leave the counts as they were', () => {
    const matrix = new ConfusionMatrix(2);
    expect(() => matrix.add(0, 2)).toThrow(RangeError);
    expect(() => matrix.add(0.5, 1)).toThrow(RangeError);
    expect(matrix.rows).toBe(0);
  });
});

function compute(one: MetricCase): Record<string, unknown> {
  const labels = Float64Array.from(one.y);
  if (one.kind === 'binary') {
    const positive = one.p as number[];
    const threshold = one.expected['threshold'] as number;
    const probabilities = Float64Array.from(positive.flatMap((p) => [1 - p, p]));
    const confusion = confusionOf(probabilities, labels, 2, threshold);
    const { rocAuc, prAuc } = rankingMetrics(one.y, positive);
    return {
      threshold,
      tn: confusion.count(0, 0),
      fp: confusion.count(0, 1),
      fn: confusion.count(1, 0),
      tp: confusion.count(1, 1),
      accuracy: confusion.accuracy(),
      kappa: confusion.kappa(),
      f1_macro: confusion.macroF1(),
      precision: confusion.precision(1),
      recall: confusion.recall(1),
      f1: confusion.f1(1),
      log_loss: logLoss(probabilities, 2, labels),
      brier: brierSum(probabilities, 2, labels)! / 2,
      roc_auc: rocAuc,
      average_precision: prAuc,
    };
  }
  if (one.kind === 'multiclass') {
    const rows = one.p as number[][];
    const classes = rows[0]!.length;
    const probabilities = Float64Array.from(rows.flat());
    const confusion = confusionOf(probabilities, labels, classes);
    const every = Array.from({ length: classes }, (_, k) => k);
    const mean = (of: (k: number) => number) => every.reduce((sum, k) => sum + of(k), 0) / classes;
    return {
      predicted: rows.map((row) => row.indexOf(Math.max(...row))),
      confusion: every.map((actual) => every.map((predicted) => confusion.count(actual, predicted))),
      accuracy: confusion.accuracy(),
      kappa: confusion.kappa(),
      f1_macro: confusion.macroF1(),
      precision_macro: mean((k) => confusion.precision(k)),
      recall_macro: mean((k) => confusion.recall(k)),
      f1_per_class: every.map((k) => confusion.f1(k)),
      log_loss: logLoss(probabilities, classes, labels),
      brier_multiclass_sum: brierSum(probabilities, classes, labels),
      ...(classes === 2
        ? {
            roc_auc_binary: rankingMetrics(
              one.y,
              rows.map((row) => row[1]!),
            ).rocAuc,
          }
        : {}),
    };
  }
  if (one.kind === 'regression') {
    const errors = new RegressionErrors();
    one.y.forEach((label, row) => errors.add(label, (one.p as number[])[row]!));
    const rmse = errors.rmse()!;
    return { mae: errors.mae(), rmse, mse: rmse ** 2, r2: errors.r2() };
  }
  return {};
}

/** Numbers to 1e-9, relative; what the golden file calls NaN, null or does not list is null here. */
function expectSame(name: string, actual: unknown, expected: unknown): void {
  if (Array.isArray(expected)) {
    expect((actual as unknown[]).length).toBe(expected.length);
    expected.forEach((entry, i) => expectSame(`${name}[${i}]`, (actual as unknown[])[i], entry));
    return;
  }
  if (typeof expected !== 'number') {
    expect([name, actual]).toEqual([name, null]);
    return;
  }
  const allowed = 1e-12 + 1e-9 * Math.abs(expected);
  expect({ name, actual, isNear: Math.abs((actual as number) - expected) <= allowed }).toMatchObject({ isNear: true });
}
