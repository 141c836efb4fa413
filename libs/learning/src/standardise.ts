import type { Dataset } from './dataset.js';

/** Columns brought to mean 0 and standard deviation 1, the missing replaced by the mean, which is then 0. */
export interface Standardised {
  /** Row-major float64 of shape [rows, width]. A feature that does not vary is 0 throughout. */
  readonly values: Float64Array;
  /** Of the values present, in the feature's unit; 0 where there is none. */
  readonly mean: Float64Array;
  /** The standard deviation (divided by n) of the column with its missing filled in; 1 where it does not vary, or by less than SCALE_MIN. */
  readonly scale: Float64Array;
}

/**
 * A feature that spreads by less than this counts as one that does not vary: what is left of it in float32 may be a rounding, and its weight
 * per unit, for labels of 1e8 or less, would leave float32.
 */
const SCALE_MIN = 1e-30;

/** As scikit-learn's SimpleImputer(mean) followed by StandardScaler. */
export function standardise(data: Dataset): Standardised {
  const { features, rows, width } = data;
  const values = new Float64Array(rows * width);
  const mean = new Float64Array(width);
  const scale = new Float64Array(width).fill(1);
  for (let f = 0; f < width; f++) {
    let sum = 0;
    let present = 0;
    let smallest = Infinity;
    let largest = -Infinity;
    for (let at = f; at < features.length; at += width) {
      const value = features[at]!;
      if (value !== value) continue;
      sum += value;
      present++;
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    }
    if (present === 0) continue;
    // The mean of equal values is that value, not a sum's rounding of it.
    const centre = smallest === largest ? smallest : sum / present;
    mean[f] = centre;
    if (smallest === largest) continue;
    let squares = 0;
    for (let at = f; at < features.length; at += width) {
      const value = features[at]!;
      if (value === value) squares += (value - centre) ** 2;
    }
    const deviation = Math.sqrt(squares / rows);
    if (deviation < SCALE_MIN) continue;
    scale[f] = deviation;
    for (let at = f; at < features.length; at += width) {
      const value = features[at]!;
      if (value === value) values[at] = (value - centre) / deviation;
    }
  }
  return { values, mean, scale };
}
