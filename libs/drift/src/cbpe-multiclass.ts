import { calibrated, calibrationOf, type CalibrationPolicy } from './calibration.js';
import { withInterval, type PerformanceEstimate } from './cbpe.js';
import { requireOption } from './detector.js';
import {
  classificationMetrics,
  confusionMetrics,
  expectedConfusion,
  expectedRocAuc,
  type ClassificationMetric,
} from './expected-performance.js';
import type { IsotonicCurve } from './isotonic.js';
import { samplingError, samplingSpreads, type SamplingSpread, type SamplingSpreads } from './sampling-error.js';

export interface MulticlassCbpeOptions {
  /** Each class against the rest: one policy for all classes, or one for each; default `auto`. */
  calibration?: CalibrationPolicy | readonly CalibrationPolicy[];
}

/** Plain JSON. */
export interface MulticlassCbpeState {
  curves: (IsotonicCurve | null)[];
  spreads: SamplingSpreads[];
  accuracy: SamplingSpread;
}

/** A row of probabilities may miss 1 by this much, for those in float32. */
const SUM_TOLERANCE = 1e-3;
/** The classes' ROC AUCs vary together, which adding their variances leaves out; NannyML found 20 % by experiment. */
const AUC_WIDENING = 1.2;

/**
 * Confidence-based performance estimation of a classifier of several classes; the answer is the class of the highest probability.
 *
 * Each class is calibrated against the rest, then the rows are scaled to sum to 1 again. `accuracy` is that of the answers; the other metrics
 * are the plain mean over the classes (macro average), in which a share of nothing counts as 0. What holds for `Cbpe` holds here.
 *
 * @see NannyML 0.13.1, `CBPE` for multi-class classification.
 */
export class MulticlassCbpe {
  private constructor(private readonly fitted: MulticlassCbpeState) {}

  /**
   * @param probabilities row-major of shape [rows, classes], each row summing to 1
   * @param labels class indices 0..classes-1, of shape [rows]
   * @param classes at least 2
   * @throws RangeError if the shapes do not fit or a value is out of range
   */
  static fit(
    probabilities: ArrayLike<number>,
    labels: ArrayLike<number>,
    classes: number,
    { calibration = 'auto' }: MulticlassCbpeOptions = {},
  ): MulticlassCbpe {
    requireOption(Number.isInteger(classes) && classes >= 2, 'CBPE: classes is an integer of at least 2', classes);
    const rows = requireRows(probabilities, classes);
    requireOption(labels.length === rows, `CBPE: ${rows} rows of probabilities have as many labels`, labels.length);
    for (let row = 0; row < rows; row += 1) {
      const label = labels[row]!;
      const known = Number.isInteger(label) && label >= 0 && label < classes;
      requireOption(known, `CBPE: the label of row ${row} is a class index below ${classes}`, label);
    }
    requireOption(
      typeof calibration === 'string' || calibration.length === classes,
      `CBPE: calibration has one policy, or one for each of ${classes} classes`,
      String(calibration),
    );
    const answered = highest(probabilities, classes);
    const byClass = Array.from({ length: classes }, (_, k) => {
      const [truth, score] = [isClass(labels, k), column(probabilities, classes, k)];
      const policy = typeof calibration === 'string' ? calibration : calibration[k]!;
      return {
        curve: calibrationOf(score, truth, policy),
        spread: samplingSpreads(truth, isClass(answered, k), score),
      };
    });
    const wrong = Uint8Array.from(answered, (answer, row) => Number(answer !== labels[row]));
    return new MulticlassCbpe({
      curves: byClass.map(({ curve }) => curve),
      spreads: byClass.map(({ spread }) => spread),
      accuracy: samplingSpreads(wrong, new Uint8Array(rows), wrong).accuracy!,
    });
  }

  static restored(state: MulticlassCbpeState): MulticlassCbpe {
    return new MulticlassCbpe(copyOf(state));
  }

  /**
   * The expected metrics of a chunk.
   *
   * @param probabilities row-major of shape [rows, classes], as the model gave them, one row or more
   * @throws RangeError if the shape does not fit or a value is out of range
   */
  estimate(probabilities: ArrayLike<number>): Record<ClassificationMetric, PerformanceEstimate> {
    const { curves, spreads } = this.fitted;
    const classes = curves.length;
    const rows = requireRows(probabilities, classes);
    const scores = curves.map((_, k) => column(probabilities, classes, k));
    const believed = normalised(
      scores.map((score, k) => calibrated(curves[k]!, score)),
      scores,
    );
    const answered = highest(probabilities, classes);
    let right = 0;
    for (let row = 0; row < rows; row += 1) right += believed[answered[row]!]![row]!;
    const byClass = believed.map((truth, k) => ({
      ...confusionMetrics(expectedConfusion(truth, isClass(answered, k))),
      rocAuc: expectedRocAuc(truth, scores[k]!),
    }));
    const estimates = classificationMetrics.map((metric) => {
      if (metric === 'accuracy')
        return [metric, withInterval(right / rows, samplingError(this.fitted.accuracy, rows))] as const;
      const value = byClass.reduce((sum, metrics) => sum + (metrics[metric] ?? 0), 0) / classes;
      const errors = spreads.map((spread) => spread[metric] && samplingError(spread[metric], rows));
      const widened = metric === 'rocAuc' ? AUC_WIDENING : 1;
      const error = (widened * Math.sqrt(errors.reduce<number>((sum, one) => sum + (one ?? 0) ** 2, 0))) / classes;
      return [metric, withInterval(value, errors.includes(null) ? null : error)] as const;
    });
    return Object.fromEntries(estimates) as Record<ClassificationMetric, PerformanceEstimate>;
  }

  state(): MulticlassCbpeState {
    return copyOf(this.fitted);
  }
}

/** Scales each row to sum to 1; a row whose calibrated probabilities are all 0 stays as the model gave it. */
function normalised(believed: Float64Array[], given: readonly Float64Array[]): Float64Array[] {
  const rows = believed[0]!.length;
  for (let row = 0; row < rows; row += 1) {
    const sum = believed.reduce((total, one) => total + one[row]!, 0);
    believed.forEach((one, k) => (one[row] = sum > 0 ? one[row]! / sum : given[k]![row]!));
  }
  return believed;
}

function highest(probabilities: ArrayLike<number>, classes: number): Uint32Array {
  const answered = new Uint32Array(probabilities.length / classes);
  for (let row = 0; row < answered.length; row += 1) {
    let best = 0;
    for (let k = 1; k < classes; k += 1)
      if (probabilities[row * classes + k]! > probabilities[row * classes + best]!) best = k;
    answered[row] = best;
  }
  return answered;
}

function isClass(values: ArrayLike<number>, k: number): Uint8Array {
  return Uint8Array.from(values, (value) => Number(value === k));
}

function column(values: ArrayLike<number>, width: number, k: number): Float64Array {
  return Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + k]!);
}

function requireRows(probabilities: ArrayLike<number>, classes: number): number {
  const rows = probabilities.length / classes;
  requireOption(
    Number.isInteger(rows) && rows > 0,
    `CBPE: probabilities have shape [rows, ${classes}], one row or more`,
    `${probabilities.length} values`,
  );
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    for (let k = 0; k < classes; k += 1) {
      const p = probabilities[row * classes + k]!;
      requireOption(p >= 0 && p <= 1, `CBPE: the probability of row ${row}, class ${k} lies in [0, 1]`, p);
      sum += p;
    }
    requireOption(Math.abs(sum - 1) <= SUM_TOLERANCE, `CBPE: the probabilities of row ${row} sum to 1`, sum);
  }
  return rows;
}

function copyOf({ curves, spreads, accuracy }: MulticlassCbpeState): MulticlassCbpeState {
  return {
    curves: curves.map((curve) => curve && { x: [...curve.x], y: [...curve.y] }),
    spreads: spreads.map((spread) => ({ ...spread })),
    accuracy: { ...accuracy },
  };
}
