import { requireOption } from './detector.js';
import { evenlySpread } from './evenly-spread.js';
import { mannWhitney } from './mann-whitney.js';
import { Mulberry32 } from './mulberry32.js';
import { NumericPair } from './numeric-pair.js';

/**
 * Trains a classifier to tell current rows (label 1) from reference rows (0).
 *
 * @param features row-major float32 of shape [rows, width]; NaN is missing
 * @returns what scores rows of the same width: the larger, the likelier current
 */
export type TrainClassifier = (
  features: Float32Array,
  labels: Float64Array,
  rows: number,
) => (features: Float32Array, rows: number) => ArrayLike<number>;

export interface DomainClassifierOptions {
  /** Rows of each side that take part, evenly spread; an integer of at least 4, default 5,000. */
  rowsMax?: number;
  /** Of the split and of the shuffles; an unsigned 32-bit integer, default 1. */
  seed?: number;
  /** Whether the importance is wanted, which costs as many predictions of all rows as there are features; default true. Nothing else depends on it. */
  importance?: boolean;
}

export interface DomainDrift {
  /** The chance that a current row scores higher than a reference row, on rows not trained on: 0.5 when nothing has changed, 1 when all is new. */
  rocAuc: number;
  /** That chance alone tells them apart so well. Exact in its level, for whatever classifier. */
  pValue: number;
  /** Of each feature, how much of the ROC AUC is lost when its values are shuffled over the rows: what gives the change away; empty where it is not wanted. */
  importance: number[];
}

/**
 * Multivariate drift by a classifier that is trained to tell current from reference rows. It finds any change that it can learn, in one feature or in how
 * several hang together.
 *
 * Rows are split in halves; each half is scored by the classifier of the other. A half's p-value is that of the Mann–Whitney test of its scores, and the result
 * twice the smaller of the two, so that the level holds however much the classifier overfits.
 *
 * @param reference and @param current row-major of shape [rows, width]; NaN is missing
 * @param train the classifier, which this library leaves to its caller
 * @throws RangeError unless each side has at least 4 rows of the width
 * @see D. Lopez-Paz, M. Oquab (2017), Revisiting Classifier Two-Sample Tests, ICLR
 */
export function domainClassifier(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  width: number,
  train: TrainClassifier,
  { rowsMax = 5000, seed = 1, importance: isImportanceWanted = true }: DomainClassifierOptions = {},
): DomainDrift {
  requireOption(Number.isInteger(width) && width >= 1, 'a row has at least one feature', width);
  requireOption(Number.isInteger(rowsMax) && rowsMax >= 4, 'rowsMax is an integer of at least 4', rowsMax);
  const random = new Mulberry32(seed);
  const first = halvesOf(reference, width, rowsMax, random);
  const second = halvesOf(current, width, rowsMax, random);
  const sides = ([0, 1] as const).map((side) => joined(first[side], second[side], width));
  const tests = sides.map((tested, side) => {
    const other = sides[1 - side]!;
    const score = train(other.features, other.labels, other.rows);
    const { rocAuc, pValue } = told(tested, score(tested.features, tested.rows));
    const importance = Array.from({ length: isImportanceWanted ? width : 0 }, (_, f) => {
      const scores = withShuffled(tested.features, f, width, random, () => score(tested.features, tested.rows));
      return rocAuc - told(tested, scores).rocAuc;
    });
    return { rocAuc, pValue, importance };
  });
  const [a, b] = tests as [DomainDrift, DomainDrift];
  return {
    rocAuc: (a.rocAuc + b.rocAuc) / 2,
    pValue: Math.min(1, 2 * Math.min(a.pValue, b.pValue)),
    importance: a.importance.map((lost, f) => (lost + b.importance[f]!) / 2),
  };
}

interface Labelled {
  features: Float32Array;
  labels: Float64Array;
  rows: number;
}

/** One-sided: a classifier that is worse than chance has found nothing. */
function told({ labels, rows }: Labelled, scores: ArrayLike<number>): { rocAuc: number; pValue: number } {
  requireOption(scores.length === rows, `a classifier scores ${rows} rows`, scores.length);
  const of = (label: number) => Array.from(scores).filter((_, row) => labels[row] === label);
  const { effect, pValue } = mannWhitney(NumericPair.of(of(0), of(1)));
  const rocAuc = 1 - effect;
  return { rocAuc, pValue: rocAuc > 0.5 ? pValue / 2 : 1 - pValue / 2 };
}

/** At most `rowsMax` rows, evenly spread, put by chance into two halves. */
function halvesOf(
  features: ArrayLike<number>,
  width: number,
  rowsMax: number,
  random: Mulberry32,
): [Float32Array, Float32Array] {
  const rows = features.length / width;
  requireOption(Number.isInteger(rows) && rows >= 4, `a side has at least 4 rows of ${width} features`, rows);
  const order = evenlySpread(rows, rowsMax);
  shuffle(order, random);
  const rowsAt = (places: number[]) =>
    Float32Array.from({ length: places.length * width }, (_, i) => {
      return features[places[Math.floor(i / width)]! * width + (i % width)]!;
    });
  return [rowsAt(order.slice(0, order.length >> 1)), rowsAt(order.slice(order.length >> 1))];
}

function joined(reference: Float32Array, current: Float32Array, width: number): Labelled {
  const features = new Float32Array(reference.length + current.length);
  features.set(reference);
  features.set(current, reference.length);
  const rows = features.length / width;
  return {
    features,
    labels: Float64Array.from({ length: rows }, (_, row) => (row * width < reference.length ? 0 : 1)),
    rows,
  };
}

/** Shuffles a feature in its place, for as long as `use` takes: a copy of wide rows for each feature would cost more than what it is for. */
function withShuffled<T>(features: Float32Array, f: number, width: number, random: Mulberry32, use: () => T): T {
  const values = Array.from({ length: features.length / width }, (_, row) => features[row * width + f]!);
  const put = (column: readonly number[]) => column.forEach((value, row) => (features[row * width + f] = value));
  const shuffled = [...values];
  shuffle(shuffled, random);
  put(shuffled);
  const result = use();
  put(values);
  return result;
}

function shuffle<T>(values: T[], random: Mulberry32): void {
  for (let i = values.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random.next() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
}
