/** Rows of a binary classifier by what was answered and what is true: expected counts, where the truth is known by its probability only. */
export interface ExpectedConfusion {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
  trueNegatives: number;
}

export const classificationMetrics = ['accuracy', 'precision', 'recall', 'specificity', 'f1', 'rocAuc'] as const;
export type ClassificationMetric = (typeof classificationMetrics)[number];

/**
 * @param truth the probability that each row is positive; with 0 and 1, the realised counts
 * @param answered 1 where the model said positive, else 0
 */
export function expectedConfusion(truth: ArrayLike<number>, answered: ArrayLike<number>): ExpectedConfusion {
  let truePositives = 0;
  let falseNegatives = 0;
  let positives = 0;
  for (let row = 0; row < truth.length; row += 1) {
    if (answered[row] === 1) {
      truePositives += truth[row]!;
      positives += 1;
    } else falseNegatives += truth[row]!;
  }
  return {
    truePositives,
    falsePositives: positives - truePositives,
    falseNegatives,
    trueNegatives: truth.length - positives - falseNegatives,
  };
}

/** Metrics of a confusion; null where one is a share of nothing. */
export function confusionMetrics(c: ExpectedConfusion): Record<Exclude<ClassificationMetric, 'rocAuc'>, number | null> {
  const { truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn } = c;
  return {
    accuracy: ratio(tp + tn, tp + fp + fn + tn),
    precision: ratio(tp, tp + fp),
    recall: ratio(tp, tp + fn),
    specificity: ratio(tn, tn + fp),
    f1: ratio(2 * tp, 2 * tp + fp + fn),
  };
}

/**
 * The expected area under the ROC curve: each row counts as a positive with its probability and as a negative with the rest; equal
 * scores share. Null if all rows are surely of one class. O(n log n).
 *
 * @param score what the model ranks by
 */
export function expectedRocAuc(truth: ArrayLike<number>, score: ArrayLike<number>): number | null {
  const order = Uint32Array.from(truth, (_, row) => row).sort((a, b) => score[a]! - score[b]!);
  let below = 0;
  let wins = 0;
  let positives = 0;
  for (let from = 0; from < order.length;) {
    let [to, positive, negative] = [from, 0, 0];
    for (; to < order.length && score[order[to]!] === score[order[from]!]; to += 1) {
      positive += truth[order[to]!]!;
      negative += 1 - truth[order[to]!]!;
    }
    wins += positive * (below + negative / 2);
    below += negative;
    positives += positive;
    from = to;
  }
  return ratio(wins, positives * below);
}

function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
