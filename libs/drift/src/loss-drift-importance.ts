import { requireOption } from './detector.js';
import { Mulberry32 } from './mulberry32.js';

/** Expected loss of each row, [rows], of row-major float32 features [rows, width]. A pure function of each row by itself. */
export type RowLoss = (features: Float32Array, rows: number) => ArrayLike<number>;

export interface LossDriftOptions {
  /** Pairs of a reference row and a current row, each walked forth and back; default 1,000. More pairs, smaller standard errors (1/√pairs). */
  pairs?: number;
  /** Of the draws; default 1. */
  seed?: number;
}

/** What the drift of one feature adds to the expected loss. */
export interface LossContribution {
  /** Column, from 0. */
  feature: number;
  /** In the loss's unit; negative where the drift helps. The contributions sum to `current - reference`. */
  contribution: number;
  standardError: number;
}

export interface LossDrift {
  /** Expected loss of the reference rows drawn. */
  reference: number;
  /** Expected loss of the current rows drawn. */
  current: number;
  /** Every feature, the most costly first. */
  features: LossContribution[];
}

/**
 * How much of a change of the expected loss each feature's drift accounts for: Shapley values of the game in which a coalition of features
 * takes its current values and the others keep those of the reference.
 *
 * A draw pairs a row of the reference with one of now and exchanges its features one by one in random order, and again in the opposite
 * order; each step's change of the loss goes to the feature exchanged. So the contributions sum to the change of the loss exactly. A feature
 * that drifts where the model does not look gets nothing. Rows between the two may be ones that never occur, where features depend on each
 * other; what the loss says of such rows is counted too.
 *
 * Costs 2 · width + 2 calls of `loss` with `pairs` rows each.
 *
 * @param reference row-major float32 of shape [rows, width], at least one row
 * @param current the same of now; the numbers of rows may differ
 * @throws RangeError if the shapes do not fit or a loss is not finite
 * @see L. S. Shapley (1953); E. Štrumbelj, I. Kononenko (2014), Explaining prediction models and individual predictions with feature
 * contributions, KAIS 41:647-665 (sampling); here between two samples in place of one row and a background.
 */
export function lossDriftImportance(
  reference: Float32Array,
  current: Float32Array,
  width: number,
  loss: RowLoss,
  options: LossDriftOptions = {},
): LossDrift {
  const { pairs = 1_000, seed = 1 } = options;
  requireOption(Number.isInteger(width) && width >= 1, 'lossDriftImportance: width is an integer of at least 1', width);
  requireOption(Number.isInteger(pairs) && pairs >= 2, 'lossDriftImportance: pairs is an integer of at least 2', pairs);
  const draws = new Mulberry32(seed);
  const before = sample(reference, width, pairs, draws);
  const after = sample(current, width, pairs, draws);
  const orders = Array.from({ length: pairs }, () => permutation(width, draws));
  const gained = new Float64Array(pairs * width);
  const forth = walk(before, after, orders, loss, gained);
  walk(
    before,
    after,
    orders.map((order) => order.toReversed()),
    loss,
    gained,
  );
  const features = Array.from({ length: width }, (_, feature) => contributionOf(feature, gained, width, pairs));
  return { ...forth, features: features.sort((a, b) => b.contribution - a.contribution || a.feature - b.feature) };
}

/** Exchanges the features of all pairs step by step and books each change of the loss, half, for there are two walks. */
function walk(
  before: Float32Array,
  after: Float32Array,
  orders: readonly (readonly number[])[],
  loss: RowLoss,
  gained: Float64Array,
): { reference: number; current: number } {
  const pairs = orders.length;
  const width = before.length / pairs;
  const rows = before.slice();
  const start = lossesOf(loss, rows, pairs);
  let last = start;
  for (let step = 0; step < width; step += 1) {
    orders.forEach((order, pair) => {
      const at = pair * width + order[step]!;
      rows[at] = after[at]!;
    });
    const now = lossesOf(loss, rows, pairs);
    for (let pair = 0; pair < pairs; pair += 1)
      gained[pair * width + orders[pair]![step]!]! += (now[pair]! - last[pair]!) / 2;
    last = now;
  }
  return { reference: mean(start), current: mean(last) };
}

function contributionOf(feature: number, gained: Float64Array, width: number, pairs: number): LossContribution {
  let sum = 0;
  for (let pair = 0; pair < pairs; pair += 1) sum += gained[pair * width + feature]!;
  const contribution = sum / pairs;
  let squares = 0;
  for (let pair = 0; pair < pairs; pair += 1) squares += (gained[pair * width + feature]! - contribution) ** 2;
  return { feature, contribution, standardError: Math.sqrt(squares / (pairs - 1) / pairs) };
}

function lossesOf(loss: RowLoss, features: Float32Array, rows: number): Float64Array {
  // A copy: the walk goes on to change its rows.
  const losses = Float64Array.from(loss(features.slice(), rows));
  requireOption(losses.length === rows, `lossDriftImportance: ${rows} rows have as many losses`, losses.length);
  losses.forEach((value, row) =>
    requireOption(Number.isFinite(value), `lossDriftImportance: the loss of row ${row} is finite`, value),
  );
  return losses;
}

function sample(features: Float32Array, width: number, count: number, draws: Mulberry32): Float32Array {
  const rows = features.length / width;
  const shape = `lossDriftImportance: features have shape [rows, ${width}], one row or more`;
  requireOption(Number.isInteger(rows) && rows >= 1, shape, `${features.length} values`);
  const drawn = new Float32Array(count * width);
  for (let i = 0; i < count; i += 1) {
    const row = Math.floor(draws.next() * rows);
    drawn.set(features.subarray(row * width, (row + 1) * width), i * width);
  }
  return drawn;
}

/** Fisher–Yates. */
function permutation(size: number, draws: Mulberry32): number[] {
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i -= 1) {
    const j = Math.floor(draws.next() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
