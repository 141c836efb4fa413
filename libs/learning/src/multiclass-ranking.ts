import { rankingMetrics } from './ranking-metrics.js';

/** ROC AUC of more than two classes; null unless every class has a row. */
export interface MulticlassRanking {
  /** Each class against all others: the mean over classes, and by their rows. */
  readonly ovrMacro: number | null;
  readonly ovrWeighted: number | null;
  /** Each two classes against each other, by either one's probability: the mean over pairs. It does not depend on the classes' sizes. */
  readonly ovoMacro: number | null;
}

/**
 * O(classes² n log n).
 *
 * @param probabilities row-major of shape [rows, classes]
 * @param labels class indices of shape [rows]
 * @see scikit-learn, roc_auc_score with multi_class; D. Hand, R. Till (2001), Machine Learning 45:171-186, for pairs
 */
export function multiclassRanking(
  probabilities: ArrayLike<number>,
  classes: number,
  labels: ArrayLike<number>,
): MulticlassRanking {
  const rows = labels.length;
  if (probabilities.length !== classes * rows) {
    throw new RangeError(`${rows} rows of ${classes} classes are not ${probabilities.length} probabilities`);
  }
  const sizes = Array.from({ length: classes }, () => 0);
  for (let row = 0; row < rows; row++) sizes[labels[row]!]! += 1;
  if (sizes.some((size) => size === 0)) return { ovrMacro: null, ovrWeighted: null, ovoMacro: null };
  const every = Array.from({ length: rows }, (_, row) => row);
  const auc = (among: number[], k: number) =>
    rankingMetrics(
      among.map((row) => (labels[row] === k ? 1 : 0)),
      among.map((row) => probabilities[row * classes + k]!),
    ).rocAuc!;
  let macro = 0;
  let weighted = 0;
  let pairs = 0;
  for (let k = 0; k < classes; k++) {
    const one = auc(every, k);
    macro += one / classes;
    weighted += (one * sizes[k]!) / rows;
    for (let other = 0; other < k; other++) {
      const both = every.filter((row) => labels[row] === k || labels[row] === other);
      pairs += (auc(both, k) + auc(both, other)) / (classes * (classes - 1));
    }
  }
  return { ovrMacro: macro, ovrWeighted: weighted, ovoMacro: pairs };
}

/**
 * The share of rows whose true class is among the k most likely; of equals the later class is taken as the likelier, as in scikit-learn.
 *
 * @returns null for no rows, and unless k is below the number of classes
 */
export function topAccuracy(
  probabilities: ArrayLike<number>,
  classes: number,
  labels: ArrayLike<number>,
  k: number,
): number | null {
  if (labels.length === 0 || k >= classes) return null;
  let hits = 0;
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    const own = probabilities[row * classes + label]!;
    let before = 0;
    for (let other = 0; other < classes; other++) {
      const score = probabilities[row * classes + other]!;
      if (score > own || (score === own && other > label)) before++;
    }
    if (before < k) hits++;
  }
  return hits / labels.length;
}
