/**
 * How well scores put rows of class 1 before rows of class 0. All depend on the order of scores only, ties count as
 * ties, and all are null unless both classes occur.
 */
export interface RankingMetrics {
  /** The chance that a row of class 1 scores higher than one of class 0; a tie is half a win. */
  readonly rocAuc: number | null;
  /** Average precision: the sum over thresholds of (gain in recall) × precision. */
  readonly prAuc: number | null;
  /** The area under the precision-recall curve by trapezoids, which is the larger where the curve is steep. */
  readonly prAucTrapezoid: number | null;
  /** The largest lead of the share of rows of class 1 above a threshold over that of class 0; 0 if it never leads. */
  readonly ks: number | null;
  /** 2 × ROC AUC − 1. */
  readonly gini: number | null;
}

const UNDEFINED: RankingMetrics = { rocAuc: null, prAuc: null, prAucTrapezoid: null, ks: null, gini: null };

/**
 * O(n log n).
 *
 * @param labels 0 or 1
 * @param scores of class 1, not NaN
 * @see scikit-learn, roc_auc_score and average_precision_score
 */
export function rankingMetrics(labels: ArrayLike<number>, scores: ArrayLike<number>): RankingMetrics {
  if (labels.length !== scores.length) throw new RangeError(`${labels.length} labels, ${scores.length} scores`);
  const order = Int32Array.from({ length: labels.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i] === 1 ? 1 : 0;
  const negatives = labels.length - positives;
  if (positives === 0 || negatives === 0) return UNDEFINED;
  let hits = 0;
  let misses = 0;
  let wins = 0;
  let averagePrecision = 0;
  let trapezoids = 0;
  let precisionBefore = 1;
  let ks = 0;
  for (let i = 0; i < order.length;) {
    let tiedHits = 0;
    let tiedMisses = 0;
    const score = scores[order[i]!]!;
    for (; i < order.length && scores[order[i]!] === score; i++) {
      if (labels[order[i]!] === 1) tiedHits++;
      else tiedMisses++;
    }
    wins += tiedMisses * (hits + tiedHits / 2);
    hits += tiedHits;
    misses += tiedMisses;
    const precision = hits / (hits + misses);
    averagePrecision += (tiedHits / positives) * precision;
    trapezoids += ((tiedHits / positives) * (precision + precisionBefore)) / 2;
    precisionBefore = precision;
    ks = Math.max(ks, hits / positives - misses / negatives);
  }
  const rocAuc = wins / positives / negatives;
  return { rocAuc, prAuc: averagePrecision, prAucTrapezoid: trapezoids, ks, gini: 2 * rocAuc - 1 };
}
