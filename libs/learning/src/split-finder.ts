import { CELLS } from './histogram.js';

/** What a split must satisfy. */
export interface SplitLimits {
  readonly minLeafRows: number;
  readonly minLeafHessian: number;
  readonly lambda: number;
  readonly minGain: number;
}

/** The best split of one leaf found so far; `gain` 0 or less says that there is none. Reused from leaf to leaf. */
export interface SplitCandidate {
  gain: number;
  feature: number;
  bin: number;
  missingLeft: boolean;
  leftGradient: number;
  leftHessian: number;
  leftRows: number;
}

/** Gains below this share of the leaf's own score are rounding, not structure. */
const ROUNDING = 1e-12;

/**
 * Tries all thresholds of one feature, and both directions for the missing when the leaf has any, and keeps the best in
 * `best`. Ties go to the earlier feature and the lower bin; a leaf without missing values sends them to its larger side.
 *
 * @param gradient, hessian, rows the leaf's totals
 * @see T. Chen, C. Guestrin (2016), XGBoost: A Scalable Tree Boosting System, equation 7 and algorithm 3
 */
export function improveSplit(
  best: SplitCandidate,
  histogram: Float64Array,
  base: number,
  feature: number,
  bins: number,
  gradient: number,
  hessian: number,
  rows: number,
  limits: SplitLimits,
): void {
  const { minLeafRows, minLeafHessian, lambda } = limits;
  const parent = (gradient * gradient) / (hessian + lambda);
  const bar = parent + limits.minGain + ROUNDING * parent;
  const missing = base + bins * CELLS;
  const missingRows = histogram[missing + 2]!;
  const passes = missingRows > 0 ? 2 : 1;
  let bestScore = best.gain > 0 ? best.gain + bar : bar;
  let bestBin = -1;
  let bestPass = 0;
  let bestGradient = 0;
  let bestHessian = 0;
  let bestRows = 0;
  for (let pass = 0; pass < passes; pass++) {
    // The first pass sends the missing right, the second left.
    let leftGradient = pass === 0 ? 0 : histogram[missing]!;
    let leftHessian = pass === 0 ? 0 : histogram[missing + 1]!;
    let leftRows = pass === 0 ? 0 : missingRows;
    // The last bin as a threshold separates the missing from all others, in the first pass only.
    const last = missingRows > 0 && pass === 0 ? bins : bins - 1;
    for (let bin = 0, cell = base; bin < last; bin++, cell += CELLS) {
      leftGradient += histogram[cell]!;
      leftHessian += histogram[cell + 1]!;
      leftRows += histogram[cell + 2]!;
      if (leftRows < minLeafRows || leftHessian < minLeafHessian) continue;
      if (rows - leftRows < minLeafRows) break;
      const rightHessian = hessian - leftHessian;
      if (rightHessian < minLeafHessian) break;
      const rightGradient = gradient - leftGradient;
      const score =
        (leftGradient * leftGradient) / (leftHessian + lambda) +
        (rightGradient * rightGradient) / (rightHessian + lambda);
      if (score > bestScore) {
        bestScore = score;
        bestBin = bin;
        bestPass = pass;
        bestGradient = leftGradient;
        bestHessian = leftHessian;
        bestRows = leftRows;
      }
    }
  }
  if (bestBin < 0) return;
  best.gain = bestScore - bar;
  best.feature = feature;
  best.bin = bestBin;
  best.missingLeft = missingRows > 0 ? bestPass === 1 : bestRows * 2 >= rows;
  best.leftGradient = bestGradient;
  best.leftHessian = bestHessian;
  best.leftRows = bestRows;
}
