import { requireOption } from './detector.js';
import { isPresent } from './reference-bins.js';

export interface QuantileSketchOptions {
  /** How far, as a share of the true value, a quantile may be off: in (0, 1), default 0.01. */
  relativeAccuracy?: number;
  /** Buckets kept, of both signs together; an integer of at least 4 (magnitudes above and up to 1, of either sign, are never joined), default 2,048. More make the sketch coarser instead of larger. */
  bucketsMax?: number;
}

/** What a sketch is saved as. */
export interface QuantileSketchState {
  relativeAccuracy: number;
  bucketsMax: number;
  /** How often the buckets were joined by twos to keep within `bucketsMax`. */
  joins: number;
  count: number;
  missing: number;
  zeros: number;
  sum: number;
  /** Null without values. */
  min: number | null;
  max: number | null;
  /** Bucket i counts magnitudes in (γ^(i−1), γ^i]. */
  positive: [bucket: number, count: number][];
  negative: [bucket: number, count: number][];
}

/**
 * Quantiles of a stream to a relative accuracy, in bounded memory; plain JSON between.
 *
 * Sketches of partitions merge, whatever their signs and in any order, to exactly the sketch of all rows (the sum but for rounding). With the default
 * accuracy of 1 % and 2,048 buckets, values may span 17 orders of magnitude; wider ones double the error, which `relativeAccuracy` states.
 *
 * Written here because the kept library for this, `@datadog/sketches-js`, forgets the negative values when it merges.
 *
 * @see C. Masson, J. Rim, H. Lee (2019), DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees, PVLDB 12:2195-2205;
 * I. Epicoco et al. (2020), UDDSketch, IEEE Access 8:147604-147617, for the joining of buckets.
 */
export class QuantileSketch {
  private readonly accuracy: number;
  private readonly bucketsMax: number;
  private readonly logGamma: number;
  private joins = 0;
  private values = 0;
  private missingRows = 0;
  private zeros = 0;
  private total = 0;
  private smallest = Infinity;
  private largest = -Infinity;
  private positive = new Map<number, number>();
  private negative = new Map<number, number>();

  constructor({ relativeAccuracy = 0.01, bucketsMax = 2048 }: QuantileSketchOptions = {}) {
    requireOption(
      relativeAccuracy > 0 && relativeAccuracy < 1,
      'QuantileSketch: relativeAccuracy lies in (0, 1)',
      relativeAccuracy,
    );
    requireOption(
      Number.isInteger(bucketsMax) && bucketsMax >= 4,
      'QuantileSketch: bucketsMax is an integer of at least 4',
      bucketsMax,
    );
    this.accuracy = relativeAccuracy;
    this.bucketsMax = bucketsMax;
    this.logGamma = 2 * Math.atanh(relativeAccuracy);
  }

  /**
   * null, undefined and NaN are counted as missing.
   *
   * @throws RangeError on an infinite value; the sketch stays as it was
   */
  add(value: number | null | undefined): void {
    if (!isPresent(value)) {
      this.missingRows += 1;
      return;
    }
    if (value - value !== 0) throw new RangeError(`QuantileSketch takes finite values, got ${value}`);
    this.values += 1;
    this.total += value;
    if (value < this.smallest) this.smallest = value + 0;
    if (value > this.largest) this.largest = value + 0;
    if (value === 0) {
      this.zeros += 1;
      return;
    }
    const buckets = value > 0 ? this.positive : this.negative;
    const bucket = Math.ceil(Math.ceil(Math.log(Math.abs(value)) / this.logGamma) / 2 ** this.joins) + 0;
    const count = buckets.get(bucket);
    buckets.set(bucket, (count ?? 0) + 1);
    if (count === undefined) this.keepWithinMemory();
  }

  /** @throws RangeError if the other sketch was made with another accuracy or another number of buckets */
  merge(other: QuantileSketchState): void {
    requireOption(
      other.relativeAccuracy === this.accuracy && other.bucketsMax === this.bucketsMax,
      `QuantileSketch: sketches of accuracy ${this.accuracy} and ${this.bucketsMax} buckets merge with their like`,
      `${other.relativeAccuracy} and ${other.bucketsMax}`,
    );
    while (this.joins < other.joins) this.join();
    const scale = 2 ** (this.joins - other.joins);
    for (const [into, from] of [
      [this.positive, other.positive],
      [this.negative, other.negative],
    ] as const) {
      for (const [bucket, count] of from) addTo(into, Math.ceil(bucket / scale) + 0, count);
    }
    this.values += other.count;
    this.missingRows += other.missing;
    this.zeros += other.zeros;
    this.total += other.sum;
    this.smallest = Math.min(this.smallest, other.min ?? Infinity);
    this.largest = Math.max(this.largest, other.max ?? -Infinity);
    this.keepWithinMemory();
  }

  /** Rows with a value. */
  get count(): number {
    return this.values;
  }

  get missing(): number {
    return this.missingRows;
  }

  get sum(): number {
    return this.total;
  }

  /** The smallest value, exactly; null without values. */
  get min(): number | null {
    return this.values === 0 ? null : this.smallest;
  }

  /** The largest value, exactly; null without values. */
  get max(): number | null {
    return this.values === 0 ? null : this.largest;
  }

  /** How far, as a share of the true value, quantiles may be off now. */
  get relativeAccuracy(): number {
    return Math.tanh((this.logGamma / 2) * 2 ** this.joins);
  }

  /**
   * The value of rank ⌊q (count − 1)⌋ among all, from the smallest, within the relative accuracy. O(buckets log buckets).
   *
   * @param q in [0, 1]
   * @returns null without values
   */
  quantile(q: number): number | null {
    requireOption(q >= 0 && q <= 1, 'a quantile lies in [0, 1]', q);
    if (this.values === 0) return null;
    const rank = Math.floor(q * (this.values - 1));
    if (rank === 0) return this.smallest;
    if (rank === this.values - 1) return this.largest;
    let seen = 0;
    for (const [value, count] of this.rising()) {
      seen += count;
      if (seen > rank) return Math.min(this.largest, Math.max(this.smallest, value));
    }
    return this.largest;
  }

  /**
   * How many values lie in each bin, edges[i − 1] <= value < edges[i], open at both ends, as `ReferenceBins` has them. Values nearer to an edge than the
   * relative accuracy may be counted on its other side.
   */
  countsBetween(edges: readonly number[]): number[] {
    const counts = edges.map(() => 0);
    counts.push(0);
    let bin = 0;
    for (const [value, count] of this.rising()) {
      while (bin < edges.length && edges[bin]! <= value) bin += 1;
      counts[bin]! += count;
    }
    return counts;
  }

  state(): QuantileSketchState {
    return {
      relativeAccuracy: this.accuracy,
      bucketsMax: this.bucketsMax,
      joins: this.joins,
      count: this.values,
      missing: this.missingRows,
      zeros: this.zeros,
      sum: this.total,
      min: this.min,
      max: this.max,
      positive: inOrder(this.positive),
      negative: inOrder(this.negative),
    };
  }

  static of(state: QuantileSketchState): QuantileSketch {
    const sketch = new QuantileSketch(state);
    sketch.joins = state.joins;
    sketch.values = state.count;
    sketch.missingRows = state.missing;
    sketch.zeros = state.zeros;
    sketch.total = state.sum;
    sketch.smallest = state.min ?? Infinity;
    sketch.largest = state.max ?? -Infinity;
    sketch.positive = new Map(state.positive);
    sketch.negative = new Map(state.negative);
    return sketch;
  }

  /** Every bucket with the value that stands for it, smallest first. */
  private rising(): [value: number, count: number][] {
    const logGamma = this.logGamma * 2 ** this.joins;
    // 2γ^i/(γ + 1), which is as far, relatively, from either end of the bucket.
    const middle = (bucket: number) => Math.exp(bucket * logGamma - Math.log1p(Math.expm1(logGamma) / 2));
    const below = inOrder(this.negative)
      .reverse()
      .map(([bucket, count]): [number, number] => [-middle(bucket), count]);
    const above = inOrder(this.positive).map(([bucket, count]): [number, number] => [middle(bucket), count]);
    return [...below, ...(this.zeros > 0 ? [[0, this.zeros] as [number, number]] : []), ...above];
  }

  private keepWithinMemory(): void {
    while (this.positive.size + this.negative.size > this.bucketsMax) this.join();
  }

  /** Squares γ: each two neighbouring buckets become one. */
  private join(): void {
    const halved = (buckets: Map<number, number>) => {
      const joined = new Map<number, number>();
      for (const [bucket, count] of buckets) addTo(joined, Math.ceil(bucket / 2) + 0, count);
      return joined;
    };
    this.joins += 1;
    this.positive = halved(this.positive);
    this.negative = halved(this.negative);
  }
}

function addTo(buckets: Map<number, number>, bucket: number, count: number): void {
  buckets.set(bucket, (buckets.get(bucket) ?? 0) + count);
}

/** By bucket, so that equal sketches have equal states. */
function inOrder(buckets: Map<number, number>): [bucket: number, count: number][] {
  return [...buckets].sort((a, b) => a[0] - b[0]);
}
