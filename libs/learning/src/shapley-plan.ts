import { type Background, checkRows, type Explanation } from './explanation.js';
import { mulberry32 } from './generator.js';

export interface ShapleyOptions {
  /**
   * `exact` scores all 2^width coalitions, `permutation` follows features as they join in random orders, each order also backwards. By default exact up
   * to 10 features.
   */
  readonly method?: 'exact' | 'permutation';
  /** Orders, of which half are the others backwards; `permutation` only, default 10. */
  readonly orders?: number;
  /** Of the orders; default 1. */
  readonly seed?: number;
}

/** More features than this have more coalitions than anybody wants scored. */
const EXACT_WIDTH_MAX = 16;

/**
 * Shapley values of any scoring function, for one row: which rows to score, and what the scores then say. So the function may be asynchronous, or far away, or
 * take many rows at a time.
 *
 * Features outside a coalition take the values of each background row in turn. `exact` scores rows(background) · 2^width rows; `permutation`
 * rows(background) · orders · (width + 1), and is an estimate of each contribution. Either adds up to the score, but for rounding.
 *
 * @see S. Lundberg, S.-I. Lee (2017), A Unified Approach to Interpreting Model Predictions, NeurIPS; R. Mitchell et al. (2022), Sampling
 * Permutations for Shapley Value Estimation, JMLR 23(43), for orders and their reverses
 */
export class ShapleyPlan {
  /** What to score: float64, row-major of shape [count, width]. */
  readonly inputs: Float64Array;
  readonly count: number;
  private readonly coalitions: readonly Uint8Array[];
  private readonly orders: readonly (readonly number[])[] | null;

  /**
   * @param x of shape [width]
   * @throws RangeError on a background of another width or without a row, on too many features for `exact`, and on no order
   */
  constructor(
    private readonly x: ArrayLike<number>,
    private readonly background: Background,
    { method = x.length <= 10 ? 'exact' : 'permutation', orders = 10, seed = 1 }: ShapleyOptions = {},
  ) {
    const width = x.length;
    checkRows('background', background.features, background.rows, width, 1);
    if (method === 'exact') {
      if (width > EXACT_WIDTH_MAX) {
        throw new RangeError(
          `exact Shapley values take at most ${EXACT_WIDTH_MAX} features, got ${width}; ask for permutation`,
        );
      }
      this.orders = null;
      this.coalitions = Array.from({ length: 2 ** width }, (_, set) =>
        Uint8Array.from({ length: width }, (_bit, f) => (set >> f) & 1),
      );
    } else {
      if (!Number.isInteger(orders) || orders < 1) throw new RangeError(`There is at least 1 order, got ${orders}`);
      this.orders = ordersOf(width, orders, seed);
      this.coalitions = this.orders.flatMap((order) => prefixesOf(order));
    }
    const rows = background.rows;
    this.count = this.coalitions.length * rows;
    this.inputs = new Float64Array(this.count * width);
    this.coalitions.forEach((coalition, c) => {
      for (let row = 0; row < rows; row++) {
        const at = (c * rows + row) * width;
        for (let f = 0; f < width; f++) {
          this.inputs[at + f] = coalition[f] === 1 ? x[f]! : background.features[row * width + f]!;
        }
      }
    });
  }

  /**
   * @param scores of the inputs, row-major of shape [count, outputs]
   * @throws RangeError unless there are as many, all finite
   */
  explain(scores: ArrayLike<number>, outputs = 1): Explanation {
    if (scores.length !== this.count * outputs) {
      throw new RangeError(`${this.count} rows of ${outputs} scores are not ${scores.length}`);
    }
    for (let i = 0; i < scores.length; i++) {
      if (!Number.isFinite(scores[i]))
        throw new RangeError(`a score is finite, got ${scores[i]} of row ${Math.floor(i / outputs)}`);
    }
    const width = this.x.length;
    const rows = this.background.rows;
    const expected = new Float64Array(outputs);
    const contributions = new Float64Array(outputs * width);
    for (let k = 0; k < outputs; k++) {
      const worth = this.coalitions.map((_, c) => {
        let sum = 0;
        for (let row = 0; row < rows; row++) sum += scores[(c * rows + row) * outputs + k]!;
        return sum / rows;
      });
      expected[k] = worth[0]!;
      const own = contributions.subarray(k * width, (k + 1) * width);
      if (this.orders === null) exactly(worth, own);
      else alongOrders(this.orders, worth, own);
    }
    return { expected, contributions };
  }
}

/** @param worth of each set of features, by its bits */
function exactly(worth: readonly number[], contributions: Float64Array): void {
  const width = contributions.length;
  // |S|! (width − |S| − 1)! / width!, by |S|.
  const weights = [1 / width];
  for (let size = 1; size < width; size++) weights.push((weights[size - 1]! * size) / (width - size));
  worth.forEach((before, set) => {
    let size = 0;
    for (let f = 0; f < width; f++) size += (set >> f) & 1;
    for (let f = 0; f < width; f++) {
      if (((set >> f) & 1) === 0) contributions[f]! += weights[size]! * (worth[set | (1 << f)]! - before);
    }
  });
}

/** @param worth of each order's prefixes, from none to all features */
function alongOrders(
  orders: readonly (readonly number[])[],
  worth: readonly number[],
  contributions: Float64Array,
): void {
  orders.forEach((order, o) => {
    const start = o * (order.length + 1);
    order.forEach((f, step) => {
      contributions[f]! += (worth[start + step + 1]! - worth[start + step]!) / orders.length;
    });
  });
}

function ordersOf(width: number, count: number, seed: number): number[][] {
  const random = mulberry32(seed);
  const orders: number[][] = [];
  while (orders.length < count) {
    const order = Array.from({ length: width }, (_, f) => f);
    for (let i = width - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    orders.push(order);
    if (orders.length < count) orders.push(order.toReversed());
  }
  return orders;
}

function prefixesOf(order: readonly number[]): Uint8Array[] {
  const prefixes = [new Uint8Array(order.length)];
  for (const f of order) {
    const next = prefixes.at(-1)!.slice();
    next[f] = 1;
    prefixes.push(next);
  }
  return prefixes;
}
