import type { ClassificationMetric } from './expected-performance.js';

/**
 * How much a metric of a classifier scatters for no other reason than that a chunk is a sample: `deviation` / √(rows · `share`). Null where
 * the reference holds no row that the metric is made of.
 */
export interface SamplingSpread {
  /** Standard deviation of the metric's terms, row by row, in the reference. */
  deviation: number;
  /** Share of the rows that have such a term. */
  share: number;
}

export type SamplingSpreads = Record<ClassificationMetric, SamplingSpread | null>;

/**
 * @param labels 0 or 1, the truth of the reference
 * @param answered 0 or 1, what the model said
 * @param score what it ranks by
 * @see The standard error of a mean over the rows that count; for the ROC AUC, the deviation of the normalised ranks of the rarer class
 * (Mann–Whitney U). As NannyML 0.13.1, `nannyml.sampling_error.binary_classification`.
 */
export function samplingSpreads(
  labels: ArrayLike<number>,
  answered: ArrayLike<number>,
  score: ArrayLike<number>,
): SamplingSpreads {
  const count = { right: 0, tp: 0, fp: 0, fn: 0, tn: 0 };
  for (let row = 0; row < labels.length; row += 1) {
    if (labels[row] === answered[row]) count.right += 1;
    count[`${labels[row] === answered[row] ? 't' : 'f'}${answered[row] === 1 ? 'p' : 'n'}`] += 1;
  }
  const { right, tp, fp, fn, tn } = count;
  const rows = labels.length;
  const relevant = tp + fp + fn;
  return {
    accuracy: ofShare(right, rows, rows),
    precision: ofShare(tp, tp + fp, rows),
    recall: ofShare(tp, tp + fn, rows),
    specificity: ofShare(tn, tn + fp, rows),
    f1: ofShare(tp, relevant, rows, relevant / (tp + (fp + fn) / 2)),
    rocAuc: ofRanks(labels, score),
  };
}

/** The standard error of a metric over so many rows. */
export function samplingError({ deviation, share }: SamplingSpread, rows: number): number {
  return deviation / Math.sqrt(rows * share);
}

/** Terms of 1 (`ones` of them) and 0, of `counted` rows that have a term, times a factor. */
function ofShare(ones: number, counted: number, rows: number, factor = 1): SamplingSpread | null {
  if (counted === 0) return null;
  const p = ones / counted;
  return { deviation: factor * Math.sqrt(p * (1 - p)), share: counted / rows };
}

/** For each row of the rarer class, the share of the other class that it ranks above; equal scores count half. */
function ofRanks(labels: ArrayLike<number>, score: ArrayLike<number>): SamplingSpread | null {
  const rows = labels.length;
  let positives = 0;
  for (let row = 0; row < rows; row += 1) positives += labels[row]!;
  if (positives === 0 || positives === rows) return null;
  const rarer = positives / rows > 0.5 ? 0 : 1;
  const ofRarer = rarer === 1 ? positives : rows - positives;
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => score[a]! - score[b]!);
  let [others, n, mean, squares] = [0, 0, 0, 0];
  for (let from = 0; from < rows;) {
    let [to, rare] = [from, 0];
    for (; to < rows && score[order[to]!] === score[order[from]!]; to += 1) if (labels[order[to]!] === rarer) rare += 1;
    const rank = (others + (to - from - rare) / 2) / (rows - ofRarer);
    for (let k = 0; k < rare; k += 1) {
      n += 1;
      const step = rank - mean;
      mean += step / n;
      squares += step * (rank - mean);
    }
    others += to - from - rare;
    from = to;
  }
  return { deviation: Math.sqrt(squares / n), share: ofRarer / rows };
}
