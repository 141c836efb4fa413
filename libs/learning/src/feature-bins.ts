import type { Dataset } from './dataset.js';

/**
 * A data set whose values are replaced by the numbers of their bins, feature by feature.
 *
 * `bins` is column-major of shape [width, rows]. Feature f has `counts[f]` bins 0..counts[f]-1, in the order of its
 * values; a missing value is in bin `counts[f]`. A value x lies in bin b or below exactly when
 * `x <= thresholds[f][b]`, compared as float32.
 */
export interface BinnedFeatures {
  readonly rows: number;
  readonly width: number;
  readonly bins: Uint8Array;
  readonly counts: Int32Array;
  readonly thresholds: readonly Float32Array[];
  /** 1 where a feature has a missing value somewhere. */
  readonly missing: Uint8Array;
}

/** Fewer rows than this never make a bin of their own while there are neighbours to join. */
const ROWS_PER_BIN_MIN = 3;

/**
 * Bins by quantiles over distinct values, as LightGBM does: a value that is more frequent than a mean bin gets a bin
 * of its own, the others share what is left evenly. A threshold lies midway between two neighbouring values, rounded
 * to float32 so that the two still fall on their sides of it.
 *
 * @param maxBins 2 to 255
 */
export function binFeatures(data: Dataset, maxBins: number): BinnedFeatures {
  const { features, rows, width } = data;
  const bins = new Uint8Array(rows * width);
  const counts = new Int32Array(width);
  const missing = new Uint8Array(width);
  const thresholds: Float32Array[] = [];
  const sorted = new Float32Array(rows);
  for (let f = 0; f < width; f++) {
    let present = 0;
    for (let r = 0, at = f; r < rows; r++, at += width) {
      const value = features[at]!;
      if (value === value) sorted[present++] = value;
    }
    const edges = thresholdsOf(sorted.subarray(0, present).sort(), maxBins);
    thresholds.push(edges);
    counts[f] = edges.length + 1;
    missing[f] = present < rows ? 1 : 0;
    assignBins(bins, f * rows, features, f, width, rows, edges);
  }
  return { rows, width, bins, counts, thresholds, missing };
}

function assignBins(
  bins: Uint8Array,
  offset: number,
  features: Float32Array,
  f: number,
  width: number,
  rows: number,
  edges: Float32Array,
): void {
  const last = edges.length;
  for (let r = 0, at = f; r < rows; r++, at += width) {
    const value = features[at]!;
    if (value !== value) {
      bins[offset + r] = last + 1;
      continue;
    }
    let low = 0;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= edges[middle]!) high = middle;
      else low = middle + 1;
    }
    bins[offset + r] = low;
  }
}

/** @param sorted finite values, ascending */
function thresholdsOf(sorted: Float32Array, maxBins: number): Float32Array {
  const values: number[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < sorted.length;) {
    const value = sorted[i]!;
    let end = i + 1;
    while (end < sorted.length && sorted[end] === value) end++;
    values.push(value);
    sizes.push(end - i);
    i = end;
  }
  const cuts = values.length <= maxBins ? cutsOfFew(sizes) : cutsOfMany(sizes, sorted.length, maxBins);
  return Float32Array.from(cuts, (cut) => between(values[cut]!, values[cut + 1]!));
}

/** Cuts behind the values at these positions, every bin holding at least ROWS_PER_BIN_MIN rows where it can. */
function cutsOfFew(sizes: readonly number[]): number[] {
  const cuts: number[] = [];
  let held = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    held += sizes[i]!;
    if (held < ROWS_PER_BIN_MIN) continue;
    cuts.push(i);
    held = 0;
  }
  return cuts;
}

function cutsOfMany(sizes: readonly number[], total: number, maxBins: number): number[] {
  const binsMax = Math.max(1, Math.min(maxBins, Math.floor(total / ROWS_PER_BIN_MIN)));
  let mean = total / binsMax;
  const isBig = sizes.map((size) => size >= mean);
  let restBins = binsMax;
  let rest = total;
  for (let i = 0; i < sizes.length; i++) {
    if (!isBig[i]) continue;
    restBins--;
    rest -= sizes[i]!;
  }
  mean = restBins > 0 ? rest / restBins : Infinity;
  const cuts: number[] = [];
  let held = 0;
  for (let i = 0; i + 1 < sizes.length && cuts.length < binsMax - 1; i++) {
    if (!isBig[i]) rest -= sizes[i]!;
    held += sizes[i]!;
    if (isBig[i] || held >= mean || (isBig[i + 1] && held >= Math.max(1, mean * 0.5))) {
      cuts.push(i);
      held = 0;
      if (!isBig[i]) {
        restBins--;
        mean = restBins > 0 ? rest / restBins : Infinity;
      }
    }
  }
  return cuts;
}

/** A float32 t with low <= t < high; midway where float32 has a number there. */
function between(low: number, high: number): number {
  const middle = Math.fround((low + high) / 2);
  return middle < high ? middle : low;
}
