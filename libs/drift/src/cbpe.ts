import { calibrated, calibrationOf, type CalibrationPolicy } from './calibration.js';
import { requireOption } from './detector.js';
import {
  classificationMetrics,
  confusionMetrics,
  expectedConfusion,
  expectedRocAuc,
  type ClassificationMetric,
  type ExpectedConfusion,
} from './expected-performance.js';
import type { IsotonicCurve } from './isotonic.js';
import { samplingError, samplingSpreads, type SamplingSpreads } from './sampling-error.js';

export interface CbpeOptions {
  /** Default `auto`. */
  calibration?: CalibrationPolicy;
  /** The model says positive from this probability on; default 0.5. */
  threshold?: number;
}

/** A metric that nobody could measure yet. */
export interface PerformanceEstimate {
  /** Null where the metric is a share of nothing, such as the precision of a model that never says positive. */
  value: number | null;
  /** One standard error of the metric for a chunk of this size; null where the reference cannot tell. */
  samplingError: number | null;
  /** Three standard errors below and above the value, within what the metric can be; null where either part is. */
  lower: number | null;
  upper: number | null;
}

/** Plain JSON. */
export interface CbpeState {
  threshold: number;
  curve: IsotonicCurve | null;
  spreads: SamplingSpreads;
}

/** Half the width of an interval, in standard errors. */
export const INTERVAL_ERRORS = 3;

/**
 * Confidence-based performance estimation of a binary classifier: how well it does, before any label has come.
 *
 * A row of calibrated probability q that is answered positive is right with probability q; summed over a chunk that gives the expected
 * confusion, and with it every metric. It holds while q means what it meant in the reference: it sees shifts of the inputs, and it
 * cannot see that the labels of equal inputs have changed (concept drift). Labels, when they come, are the judge.
 *
 * O(n log n) to fit and to estimate, for the ROC AUC; the rest is linear.
 *
 * @see NannyML 0.13.1, `CBPE` for binary classification.
 */
export class Cbpe {
  private constructor(private readonly fitted: CbpeState) {}

  /**
   * @param probabilities of the positive class, in [0, 1], of rows that the model was not trained on
   * @param labels 0 or 1, as many
   * @throws RangeError if there is no row, the lengths differ, or a value is out of range
   */
  static fit(probabilities: ArrayLike<number>, labels: ArrayLike<number>, options: CbpeOptions = {}): Cbpe {
    const { threshold = 0.5, calibration = 'auto' } = options;
    requireOption(threshold >= 0 && threshold <= 1, 'CBPE: threshold lies in [0, 1]', threshold);
    requireOption(
      probabilities.length === labels.length,
      `CBPE: ${probabilities.length} probabilities have as many labels`,
      labels.length,
    );
    requireProbabilities(probabilities);
    for (let row = 0; row < labels.length; row += 1)
      requireOption(labels[row] === 0 || labels[row] === 1, `CBPE: the label of row ${row} is 0 or 1`, labels[row]);
    return new Cbpe({
      threshold,
      curve: calibrationOf(probabilities, labels, calibration),
      spreads: samplingSpreads(labels, answers(probabilities, threshold), probabilities),
    });
  }

  static restored(state: CbpeState): Cbpe {
    return new Cbpe(copyOf(state));
  }

  /** Whether probabilities are calibrated before they are believed. */
  get calibrates(): boolean {
    return this.fitted.curve !== null;
  }

  /** The probabilities as they are believed. */
  calibrate(probabilities: ArrayLike<number>): Float64Array {
    requireProbabilities(probabilities);
    return calibrated(this.fitted.curve, probabilities);
  }

  /**
   * The expected metrics of a chunk.
   *
   * @param probabilities of the positive class as the model gave them, one row or more
   * @throws RangeError if there is no row or a value is out of range
   */
  estimate(probabilities: ArrayLike<number>): Record<ClassificationMetric, PerformanceEstimate> {
    const believed = this.calibrate(probabilities);
    const values = {
      ...confusionMetrics(expectedConfusion(believed, answers(probabilities, this.fitted.threshold))),
      rocAuc: expectedRocAuc(believed, probabilities),
    };
    const estimates = classificationMetrics.map((metric) => {
      const spread = this.fitted.spreads[metric];
      return [metric, withInterval(values[metric], spread && samplingError(spread, believed.length))] as const;
    });
    return Object.fromEntries(estimates) as Record<ClassificationMetric, PerformanceEstimate>;
  }

  /** How many rows of a chunk are expected to be right and wrong, by what the model said. */
  confusion(probabilities: ArrayLike<number>): ExpectedConfusion {
    return expectedConfusion(this.calibrate(probabilities), answers(probabilities, this.fitted.threshold));
  }

  state(): CbpeState {
    return copyOf(this.fitted);
  }
}

/** A value in [0, 1] with its interval. */
export function withInterval(value: number | null, error: number | null): PerformanceEstimate {
  if (value === null || error === null) return { value, samplingError: error, lower: null, upper: null };
  const reach = INTERVAL_ERRORS * error;
  return { value, samplingError: error, lower: Math.max(0, value - reach), upper: Math.min(1, value + reach) };
}

function answers(probabilities: ArrayLike<number>, threshold: number): Uint8Array {
  return Uint8Array.from(probabilities, (p) => Number(p >= threshold));
}

function requireProbabilities(probabilities: ArrayLike<number>): void {
  requireOption(probabilities.length > 0, 'CBPE: a chunk has at least one row', probabilities.length);
  for (let row = 0; row < probabilities.length; row += 1) {
    const p = probabilities[row]!;
    requireOption(p >= 0 && p <= 1, `CBPE: the probability of row ${row} lies in [0, 1]`, p);
  }
}

function copyOf({ threshold, curve, spreads }: CbpeState): CbpeState {
  return { threshold, curve: curve && { x: [...curve.x], y: [...curve.y] }, spreads: { ...spreads } };
}
