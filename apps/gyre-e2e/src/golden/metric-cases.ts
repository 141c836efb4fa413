import {
  brierSum,
  CalibrationBins,
  ConfusionMatrix,
  GroupFairness,
  logLoss,
  medianAbsoluteError,
  multiclassRanking,
  ProbabilityLosses,
  rankingMetrics,
  RegressionErrors,
  ScoreHistogram,
  topAccuracy,
} from '@gyre/learning';
import { expectLeaves, expectValue, type Claim, type GoldenCase } from './vectors.js';

type Expected = Record<string, unknown>;

/** The header's. */
const NEAR = { relative: 1e-9, absolute: 1e-12 };

/** Two classes: scikit-learn's metrics, and calibration errors over N bins. */
const binary: Claim = {
  claims: ({ kind, expected }) => kind === 'binary' && expected !== undefined,
  check(golden) {
    const { y, p, expected } = golden as GoldenCase & { y: number[]; p: number[]; expected: Expected };
    const confusion = new ConfusionMatrix(2);
    const losses = new ProbabilityLosses();
    y.forEach((label, row) => {
      confusion.add(label, p[row]! >= (expected['threshold'] as number) ? 1 : 0);
      losses.add(label, [1 - p[row]!, p[row]!]);
    });
    const ranking = rankingMetrics(y, p);
    const rows = p.flatMap((positive) => [1 - positive, positive]);
    const ours: Expected = {
      tn: confusion.count(0, 0),
      fp: confusion.count(0, 1),
      fn: confusion.count(1, 0),
      tp: confusion.count(1, 1),
      accuracy: confusion.accuracy(),
      balanced_accuracy: confusion.macro('recall'),
      precision: confusion.precision(1),
      recall: confusion.recall(1),
      f1: confusion.f1(1),
      specificity: confusion.specificity(1),
      f1_macro: confusion.macroF1(),
      f1_weighted: confusion.weighted('f1'),
      fbeta_2: confusion.fBeta(1, 2),
      kappa: confusion.kappa(),
      mcc: confusion.matthews(),
      log_loss: losses.logLoss(),
      brier: losses.brierSum()! / 2,
      roc_auc: ranking.rocAuc,
      average_precision: ranking.prAuc,
      pr_auc_trapezoid: ranking.prAucTrapezoid,
      ks_statistic_of_scores: ranking.ks,
      gini: ranking.gini,
    };
    const calibration = (path: string): number | null | undefined => {
      const [, error, bins] = /^(ece|mce)_(\d+)$/.exec(path) ?? [];
      if (bins === undefined) return undefined;
      const counted = new CalibrationBins(Number(bins));
      y.forEach((label, row) => counted.add(label, p[row]!));
      return error === 'ece' ? counted.expectedError() : counted.maximumError();
    };
    expectLeaves(
      expected,
      (path) => (path in ours ? ours[path] : calibration(path)),
      () => NEAR,
      (path) => path === 'threshold',
    );
    expectValue('log_loss of all rows', logLoss(rows, 2, y), expected['log_loss'], NEAR);
    const histogram = new ScoreHistogram();
    y.forEach((label, row) => histogram.add(label, p[row]!));
    const bounded = histogram.rocAuc();
    expect(bounded === null).toBe(ranking.rocAuc === null);
    if (bounded !== null) {
      expect(ranking.rocAuc!).toBeGreaterThanOrEqual(bounded.lower - 1e-12);
      expect(ranking.rocAuc!).toBeLessThanOrEqual(bounded.upper + 1e-12);
    }
  },
};

/** Several classes; the predicted one is the first with the largest probability. */
const multiclass: Claim = {
  claims: ({ kind, expected }) => kind === 'multiclass' && expected !== undefined,
  check(golden) {
    const { y, p, expected } = golden as GoldenCase & { y: number[]; p: number[][]; expected: Expected };
    const classes = p[0]!.length;
    const every = Array.from({ length: classes }, (_, k) => k);
    const predicted = p.map((row) => row.indexOf(Math.max(...row)));
    const confusion = new ConfusionMatrix(classes);
    y.forEach((label, row) => confusion.add(label, predicted[row]!));
    const probabilities = p.flat();
    const ranking = multiclassRanking(probabilities, classes, y);
    const ours: Expected = {
      predicted,
      confusion: every.map((actual) => every.map((answer) => confusion.count(actual, answer))),
      accuracy: confusion.accuracy(),
      // Every row counts once among the truths and once among the predictions, so all three are the accuracy.
      precision_micro: confusion.accuracy(),
      recall_micro: confusion.accuracy(),
      f1_micro: confusion.accuracy(),
      precision_macro: confusion.macro('precision'),
      recall_macro: confusion.macro('recall'),
      f1_macro: confusion.macro('f1'),
      precision_weighted: confusion.weighted('precision'),
      recall_weighted: confusion.weighted('recall'),
      f1_weighted: confusion.weighted('f1'),
      f1_per_class: every.map((k) => confusion.f1(k)),
      kappa: confusion.kappa(),
      kappa_quadratic: confusion.quadraticKappa(),
      mcc: confusion.matthews(),
      log_loss: logLoss(probabilities, classes, y),
      brier_multiclass_sum: brierSum(probabilities, classes, y),
      roc_auc_binary: rankingMetrics(
        y,
        p.map((row) => row[1]!),
      ).rocAuc,
      roc_auc_ovr_macro: ranking.ovrMacro,
      roc_auc_ovr_weighted: ranking.ovrWeighted,
      roc_auc_ovo_macro: ranking.ovoMacro,
    };
    const top = (path: string) => {
      const k = /^top_(\d+)_accuracy$/.exec(path)?.[1];
      return k === undefined ? undefined : topAccuracy(probabilities, classes, y, Number(k));
    };
    expectLeaves(
      expected,
      (path) => (path in ours ? ours[path] : top(path)),
      () => NEAR,
    );
  },
};

const regression: Claim = {
  claims: ({ kind, expected }) => kind === 'regression' && expected !== undefined,
  check(golden) {
    const { y, p, expected } = golden as GoldenCase & { y: number[]; p: number[]; expected: Expected };
    const errors = new RegressionErrors();
    y.forEach((label, row) => errors.add(label, p[row]!));
    const ours: Expected = {
      mae: errors.mae(),
      mse: errors.mse(),
      rmse: errors.rmse(),
      mape: errors.mape(),
      median_ae: medianAbsoluteError(y, p),
      max_error: errors.maxError(),
      mean_error: errors.meanError(),
      smape: errors.smape(),
      r2: errors.r2(),
      explained_variance: errors.explainedVariance(),
      rmsle: errors.rmsle(),
    };
    const pinball = (path: string) => {
      const alpha = /^pinball_(0\.\d+)$/.exec(path)?.[1];
      return alpha === undefined ? undefined : errors.pinball(Number(alpha));
    };
    expectLeaves(
      expected,
      (path) => (path in ours ? ours[path] : pinball(path)),
      () => NEAR,
    );
  },
};

/** fairlearn's metrics by group; a group without rows of a class has a rate of 0 there, in the gaps. */
const fairness: Claim = {
  claims: ({ kind, expected }) => kind === 'fairness' && expected !== undefined,
  check(golden) {
    const { y, predicted, group, expected } = golden as GoldenCase & {
      y: number[];
      predicted: number[];
      group: string[];
      expected: Expected;
    };
    const counted = new GroupFairness();
    y.forEach((label, row) => counted.add(group[row]!, label, predicted[row]!));
    const gaps = counted.gaps('zero');
    const ours: Expected = {
      demographic_parity_difference: gaps.demographicParityDifference,
      demographic_parity_ratio: gaps.demographicParityRatio,
      equalized_odds_difference: gaps.equalizedOddsDifference,
      equalized_odds_ratio: gaps.equalizedOddsRatio,
      equal_opportunity_difference: gaps.equalOpportunityDifference,
    };
    for (const [name, rates] of Object.entries(counted.rates())) {
      ours[`groups.${name}.n`] = rates.rows;
      ours[`groups.${name}.selection_rate`] = rates.selectionRate;
      ours[`groups.${name}.base_rate`] = rates.baseRate;
      ours[`groups.${name}.tpr`] = rates.truePositiveRate;
      ours[`groups.${name}.fpr`] = rates.falsePositiveRate;
      ours[`groups.${name}.precision`] = rates.precision;
      ours[`groups.${name}.accuracy`] = rates.accuracy;
    }
    for (const [name, impact] of Object.entries(counted.disparateImpact())) {
      ours[`disparate_impact_against_first_group.${name}`] = impact;
    }
    expectLeaves(
      expected,
      (path) => ours[path],
      () => NEAR,
    );
  },
};

export const metricCases: Claim[] = [binary, multiclass, regression, fairness];
