import type { Dataset } from './dataset.js';

/** Columns brought to mean 0 and standard deviation 1, the missing replaced by the mean, which is then 0. */
export interface Standardised {
  /** Row-major float64 of shape [rows, width]. A feature that does not vary is 0 throughout. */
  readonly values: Float64Array;
  /** Of the values present, in the feature's unit; 0 where there is none. */
  readonly mean: Float64Array;
  /** The standard deviation (divided by n) of the column with its missing filled in; 1 where it does not vary. */
  readonly scale: Float64Array;
}

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
    // Two neighbouring subnormals: their squares vanish, and so would the scale.
    if (!(deviation > 0)) continue;
    scale[f] = deviation;
    for (let at = f; at < features.length; at += width) {
      const value = features[at]!;
      if (value === value) values[at] = (value - centre) / deviation;
    }
  }
  return { values, mean, scale };
}
