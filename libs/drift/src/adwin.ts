import {
  isDirection,
  refusedValue,
  requireOption,
  VALUE_MAX,
  type Direction,
  type DriftDetector,
  type Verdict,
} from './detector.js';

export interface AdwinOptions {
  /** Confidence of the cut test, in (0, 1): smaller means fewer false alarms. */
  delta: number;
  /** The window is searched for a cut at every `clock`-th update; an integer of at least 1. */
  clock: number;
  /** Buckets of each size kept before two are merged; an integer of at least 2. */
  maxBuckets: number;
  /** Values that either side of a cut must have; an integer of at least 1. */
  minWindowLength: number;
  /** No search until the window is longer than this; an integer of at least 0. */
  gracePeriod: number;
  /** Which changes of the mean are reported. The window restarts after either, so an improvement becomes the new normal. */
  direction: Direction;
}

export const adwinDefaults: Readonly<AdwinOptions> = {
  delta: 0.002,
  clock: 32,
  maxBuckets: 5,
  minWindowLength: 5,
  gracePeriod: 10,
  direction: 'both',
};

/** Where a window was cut: how many values lie before and after, oldest first, and their means. */
export interface AdwinCut {
  countBefore: number;
  meanBefore: number;
  countAfter: number;
  meanAfter: number;
}

export interface AdwinState {
  /** Updates since the last start. */
  ticks: number;
  width: number;
  total: number;
  /** Sum of squared deviations from the window's mean (what River 0.26 calls `variance`). */
  sumSquaredDeviations: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
  change: AdwinCut | null;
  /** Row i holds buckets of 2^i values, oldest first. */
  totals: number[][];
  deviations: number[][];
}

/** Room for more values than will ever come: row 43 alone holds 2^43 values a bucket. */
const ROWS_MAX = 44;

/**
 * ADWIN: a window of recent values that is cut where the means of its two sides differ too much to be chance.
 *
 * The window is an exponential histogram: row i holds up to `maxBuckets` buckets of 2^i values, so memory is
 * O(maxBuckets log n), an update O(1) amortised and a search O(maxBuckets log n). The verdicts are those of River
 * 0.26, to the digit, and its state as well; so the whole window is dropped at the update after a detection, where the
 * paper would keep what lies after the cut.
 *
 * @throws RangeError if a value is not finite or beyond 1e100; the state stays as it was.
 * @see A. Bifet, R. Gavaldà (2007), Learning from Time-Changing Data with Adaptive Windowing, SDM, sections 2 and 3.
 * @see B. Babcock et al. (2003), Maintaining Variance and k-Medians over Data Stream Windows, PODS: merging and removing buckets.
 */
export class Adwin implements DriftDetector<AdwinState> {
  private readonly options: AdwinOptions;
  private readonly stride: number;
  private rows = 1;
  private readonly counts = new Int32Array(ROWS_MAX);
  private readonly totals: Float64Array;
  private readonly deviations: Float64Array;
  private ticks = 0;
  private untilSearch: number;
  private width = 0;
  private total = 0;
  private sumSquaredDeviations = 0;
  private restarts = false;
  private found: AdwinCut | null = null;

  constructor(options: Partial<AdwinOptions> = {}) {
    this.options = { ...adwinDefaults, ...options };
    const { delta, clock, maxBuckets, minWindowLength, gracePeriod } = this.options;
    requireOption(delta > 0 && delta < 1, 'ADWIN: delta lies in (0, 1)', delta);
    requireOption(Number.isInteger(clock) && clock >= 1, 'ADWIN: clock is an integer of at least 1', clock);
    requireOption(Number.isInteger(maxBuckets) && maxBuckets >= 2, 'ADWIN: maxBuckets is an integer >= 2', maxBuckets);
    requireOption(
      Number.isInteger(minWindowLength) && minWindowLength >= 1,
      'ADWIN: minWindowLength is an integer of at least 1',
      minWindowLength,
    );
    requireOption(
      Number.isInteger(gracePeriod) && gracePeriod >= 0,
      'ADWIN: gracePeriod is an integer of at least 0',
      gracePeriod,
    );
    requireOption(isDirection(this.options.direction), 'ADWIN: direction is both, up or down', this.options.direction);
    this.stride = maxBuckets + 1;
    this.totals = new Float64Array(ROWS_MAX * this.stride);
    this.deviations = new Float64Array(ROWS_MAX * this.stride);
    this.untilSearch = clock;
  }

  update(value: number): Verdict {
    if (!(Math.abs(value) <= VALUE_MAX)) throw refusedValue('ADWIN', value);
    if (this.restarts) this.start();
    this.insert(value + 0); // Minus zero does not survive JSON.
    this.ticks += 1;
    this.untilSearch -= 1;
    if (this.untilSearch > 0) return 'stable';
    this.untilSearch = this.options.clock;
    if (this.width <= this.options.gracePeriod) return 'stable';
    return this.search();
  }

  /** The cut with the strongest evidence, right after a detection (in either direction); null at any other time. */
  change(): AdwinCut | null {
    return this.found === null ? null : { ...this.found };
  }

  /** Mean of the window; 0 when it is empty. */
  mean(): number {
    return this.width === 0 ? 0 : this.total / this.width;
  }

  state(): AdwinState {
    const row = (from: Float64Array) => (_: unknown, i: number) =>
      Array.from(from.subarray(i * this.stride, i * this.stride + this.counts[i]!));
    return {
      ticks: this.ticks,
      width: this.width,
      total: this.total,
      sumSquaredDeviations: this.sumSquaredDeviations,
      restarts: this.restarts,
      change: this.change(),
      totals: Array.from({ length: this.rows }, row(this.totals)),
      deviations: Array.from({ length: this.rows }, row(this.deviations)),
    };
  }

  restore(state: AdwinState): void {
    const { clock, maxBuckets } = this.options;
    const fits = (row: number[], i: number) =>
      row.length <= maxBuckets && row.length === state.deviations[i]?.length && row.every(Number.isFinite);
    requireOption(
      state.totals.length > 0 && state.totals.length < ROWS_MAX && state.totals.every(fits),
      `ADWIN: a state has at least one row, and at most ${maxBuckets} buckets a row`,
      state.totals.length,
    );
    this.rows = state.totals.length;
    this.counts.fill(0);
    state.totals.forEach((row, i) => {
      this.counts[i] = row.length;
      this.totals.set(row, i * this.stride);
      this.deviations.set(state.deviations[i]!, i * this.stride);
    });
    this.ticks = state.ticks;
    this.untilSearch = clock - (state.ticks % clock);
    this.width = state.width;
    this.total = state.total;
    this.sumSquaredDeviations = state.sumSquaredDeviations;
    this.restarts = state.restarts;
    this.found = state.change === null ? null : { ...state.change };
  }

  private start(): void {
    this.rows = 1;
    this.counts.fill(0);
    this.ticks = 0;
    this.untilSearch = this.options.clock;
    this.width = 0;
    this.total = 0;
    this.sumSquaredDeviations = 0;
    this.restarts = false;
    this.found = null;
  }

  private insert(value: number): void {
    const count = this.counts[0]!;
    this.totals[count] = value;
    this.deviations[count] = 0;
    this.counts[0] = count + 1;
    const before = this.width;
    this.width = before + 1;
    if (before > 0) {
      const deviation = value - this.total / before;
      this.sumSquaredDeviations += (before * deviation * deviation) / this.width;
    }
    this.total += value;
    if (count === this.options.maxBuckets) this.mergeFullRows();
  }

  /** Merges the two oldest buckets of each overfull row into one of the next row. */
  private mergeFullRows(): void {
    const { stride, counts, totals, deviations } = this;
    let halfSize = 0.5;
    for (let row = 0; counts[row] === stride; row += 1, halfSize *= 2) {
      if (row + 1 === this.rows) this.rows += 1;
      const oldest = row * stride;
      const end = oldest + stride;
      const first = totals[oldest]!;
      const second = totals[oldest + 1]!;
      // n·n·(μ1 − μ2)²/(n + n): n is a power of two, so taking it out of the formula changes no digit.
      const difference = (first - second) / (2 * halfSize);
      const merged = end + counts[row + 1]!;
      totals[merged] = first + second;
      deviations[merged] = deviations[oldest]! + deviations[oldest + 1]! + difference * difference * halfSize;
      counts[row + 1]! += 1;
      counts[row]! -= 2;
      for (let i = oldest + 2; i < end; i += 1) {
        totals[i - 2] = totals[i]!;
        deviations[i - 2] = deviations[i]!;
      }
    }
  }

  /** Drops the oldest buckets for as long as the window has a significant cut. */
  private search(): Verdict {
    if (this.significantCut('first') === null) return 'stable';
    const change = this.significantCut('strongest')!;
    do this.dropOldest();
    while (this.significantCut('first') !== null);
    this.restarts = true;
    this.found = change;
    const rose = change.meanAfter > change.meanBefore;
    const { direction } = this.options;
    return direction === 'both' || rose === (direction === 'up') ? 'drift' : 'stable';
  }

  /** The first cut, from the old side, whose means differ by more than their bound; or the one that does so by the largest factor. */
  private significantCut(which: 'first' | 'strongest'): AdwinCut | null {
    const { stride, counts, totals, width } = this;
    const shortest = this.options.minWindowLength;
    const logTerm = this.logTerm();
    const variance = this.sumSquaredDeviations / width;
    // A bound on the bound that needs no division or root spares nearly all cuts the real test; the doubt is for rounding.
    const sparing = 2 * variance * logTerm * width * (1 - 1e-9);
    let strength = 1;
    let strongest: AdwinCut | null = null;
    let countBefore = 0;
    let countAfter = width;
    let totalBefore = 0;
    let totalAfter = this.total;
    let size = 2 ** (this.rows - 1);
    for (let row = this.rows - 1; row >= 0; row -= 1, size /= 2) {
      const oldest = row * stride;
      const end = oldest + counts[row]!;
      for (let bucket = oldest; bucket < end; bucket += 1) {
        countBefore += size;
        countAfter -= size;
        totalBefore += totals[bucket]!;
        totalAfter -= totals[bucket]!;
        if (countBefore < shortest || countAfter < shortest) continue;
        const gap = Math.abs(totalBefore * width - this.total * countBefore);
        const doubt = 1e-12 * (Math.abs(totalBefore) * width + Math.abs(this.total) * countBefore);
        if ((gap + doubt) ** 2 <= sparing * countBefore * countAfter) continue;
        const difference = Math.abs(totalBefore / countBefore - totalAfter / countAfter);
        const harmonic = 1 / (countBefore - shortest + 1) + 1 / (countAfter - shortest + 1);
        const bound = Math.sqrt(2 * harmonic * variance * logTerm) + (2 / 3) * logTerm * harmonic;
        if (!(difference > strength * bound)) continue;
        const meanBefore = totalBefore / countBefore;
        const meanAfter = totalAfter / countAfter;
        strength = difference / bound;
        strongest = { countBefore, meanBefore, countAfter, meanAfter };
        if (which === 'first') return strongest;
      }
    }
    return strongest;
  }

  /** ln(2 ln(W)/δ), the paper's δ' with ln W for the number of cuts. */
  private logTerm(): number {
    return Math.log((2 * Math.log(this.width)) / this.options.delta);
  }

  private dropOldest(): void {
    const { stride, counts, totals, deviations } = this;
    const row = this.rows - 1;
    const oldest = row * stride;
    const size = 2 ** row;
    const total = totals[oldest]!;
    this.width -= size;
    this.total -= total;
    const difference = total / size - this.total / this.width;
    this.sumSquaredDeviations -=
      deviations[oldest]! + (size * this.width * difference * difference) / (size + this.width);
    counts[row]! -= 1;
    for (let i = oldest; i < oldest + counts[row]!; i += 1) {
      totals[i] = totals[i + 1]!;
      deviations[i] = deviations[i + 1]!;
    }
    if (counts[row] === 0) this.rows -= 1;
  }
}
