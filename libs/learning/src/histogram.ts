import type { BinnedFeatures } from './feature-bins.js';

/** A histogram keeps three numbers a bin: the sum of gradients, the sum of hessians, the rows. */
export const CELLS = 3;

/** Where each feature's first cell lies, and behind the last how many cells there are. One bin more holds the missing. */
export function histogramLayout(binned: BinnedFeatures): Int32Array {
  const offsets = new Int32Array(binned.width + 1);
  for (let f = 0; f < binned.width; f++) offsets[f + 1] = offsets[f]! + (binned.counts[f]! + 1) * CELLS;
  return offsets;
}

/**
 * Adds the rows order[from..to) of one feature to a histogram.
 *
 * @param base the feature's first cell
 * @param column the feature's first entry in `bins`
 * @param gradients, hessians in the order of `order`: entry i belongs to row order[i]
 */
export function accumulate(
  histogram: Float64Array,
  base: number,
  bins: Uint8Array,
  column: number,
  order: Int32Array,
  from: number,
  to: number,
  gradients: Float64Array,
  hessians: Float64Array,
): void {
  for (let i = from; i < to; i++) {
    const cell = base + bins[column + order[i]!]! * CELLS;
    histogram[cell]! += gradients[i]!;
    histogram[cell + 1]! += hessians[i]!;
    histogram[cell + 2]! += 1;
  }
}

/** Two features in one pass, so that a row's index and gradients are read once for both. See {@link accumulate}. */
export function accumulatePair(
  histogram: Float64Array,
  baseA: number,
  baseB: number,
  bins: Uint8Array,
  columnA: number,
  columnB: number,
  order: Int32Array,
  from: number,
  to: number,
  gradients: Float64Array,
  hessians: Float64Array,
): void {
  for (let i = from; i < to; i++) {
    const row = order[i]!;
    const gradient = gradients[i]!;
    const hessian = hessians[i]!;
    const a = baseA + bins[columnA + row]! * CELLS;
    const b = baseB + bins[columnB + row]! * CELLS;
    histogram[a]! += gradient;
    histogram[a + 1]! += hessian;
    histogram[a + 2]! += 1;
    histogram[b]! += gradient;
    histogram[b + 1]! += hessian;
    histogram[b + 2]! += 1;
  }
}

/** minuend -= subtrahend, cell by cell: a sibling's histogram from the parent's. */
export function subtract(minuend: Float64Array, subtrahend: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i++) minuend[i]! -= subtrahend[i]!;
}
