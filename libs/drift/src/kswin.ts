import { refusedValue, requireOption, VALUE_MAX, type DriftDetector, type Verdict } from './detector.js';
import { gapPValue, largestGap } from './kolmogorov-smirnov.js';
import { Mulberry32 } from './mulberry32.js';

export interface KswinOptions {
  /** Level of each test, in (0, 1). There is a test at every update, so false alarms come far oftener than this suggests. */
  alpha: number;
  /** Values in the window; an integer of at least twice `statSize`. No verdict before it is full. */
  windowSize: number;
  /** Newest values that are compared with as many drawn from the older ones; an integer of at least 1. */
  statSize: number;
  /** Seed of the draws, an unsigned 32-bit integer: the same seed and stream give the same verdicts. */
  seed: number;
}

export const kswinDefaults: Readonly<KswinOptions> = { alpha: 0.005, windowSize: 100, statSize: 30, seed: 1 };

export interface KswinState {
  /** Oldest first. */
  window: number[];
  /** Where the generator of the draws stands. */
  random: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/** A gap between the distribution functions of at most this is no drift, however significant. */
const STATISTIC_MIN = 0.1;

/**
 * KSWIN: a Kolmogorov–Smirnov test of the newest values against a draw from the older ones, at every update. It sees any change
 * of the distribution, not only of the mean. O(windowSize + statSize log statSize) an update.
 *
 * Statistic and p-value are those of River 0.26; the draws are our own generator's, so single verdicts may differ from River's.
 *
 * @throws RangeError if a value is not finite or beyond 1e100; the state stays as it was.
 * @see C. Raab, M. Heusinger, F.-M. Schleif (2020), Reactive Soft Prototype Computing for Concept Drift Streams,
 * Neurocomputing 416:340-351.
 */
export class Kswin implements DriftDetector<KswinState> {
  private readonly options: KswinOptions;
  private readonly draws: Mulberry32;
  /** The smallest gap that is a drift, in counts. */
  private readonly gapMin: number;
  private readonly positions: Int32Array;
  private readonly older: Float64Array;
  private readonly newer: Float64Array;
  private window: number[] = [];
  private restarts = false;

  constructor(options: Partial<KswinOptions> = {}) {
    this.options = { ...kswinDefaults, ...options };
    const { alpha, windowSize, statSize, seed } = this.options;
    requireOption(alpha > 0 && alpha < 1, 'KSWIN: alpha lies in (0, 1)', alpha);
    requireOption(Number.isInteger(statSize) && statSize >= 1, 'KSWIN: statSize is an integer of at least 1', statSize);
    requireOption(
      Number.isInteger(windowSize) && windowSize >= 2 * statSize,
      'KSWIN: windowSize is an integer of at least twice statSize',
      windowSize,
    );
    requireOption(seed === seed >>> 0, 'KSWIN: seed is an unsigned 32-bit integer', seed);
    this.draws = new Mulberry32(seed);
    let gap = 1;
    while (gap <= statSize && !(gap / statSize > STATISTIC_MIN && gapPValue(statSize, gap) <= alpha)) gap += 1;
    this.gapMin = gap;
    this.positions = new Int32Array(windowSize - statSize);
    this.older = new Float64Array(statSize);
    this.newer = new Float64Array(statSize);
  }

  update(value: number): Verdict {
    if (!(Math.abs(value) <= VALUE_MAX)) throw refusedValue('KSWIN', value);
    if (this.restarts) this.start();
    const { windowSize, statSize } = this.options;
    if (this.window.length === windowSize) this.window.shift();
    this.window.push(value + 0); // Minus zero does not survive JSON.
    if (this.window.length < windowSize) return 'stable';
    this.drawOlder();
    for (let i = 0; i < statSize; i += 1) this.newer[i] = this.window[windowSize - statSize + i]!;
    this.restarts = largestGap(this.older.sort(), this.newer.sort()) >= this.gapMin;
    return this.restarts ? 'drift' : 'stable';
  }

  state(): KswinState {
    return { window: [...this.window], random: this.draws.state, restarts: this.restarts };
  }

  restore(state: KswinState): void {
    const { windowSize } = this.options;
    requireOption(
      state.window.length <= windowSize,
      `KSWIN: a window has at most ${windowSize} values`,
      state.window.length,
    );
    this.window = [...state.window];
    this.draws.state = state.random;
    this.restarts = state.restarts;
  }

  private start(): void {
    this.window = [];
    this.draws.state = this.options.seed;
    this.restarts = false;
  }

  /** Draws without putting back, by the first steps of a Fisher–Yates shuffle. */
  private drawOlder(): void {
    const { positions, older, window, draws } = this;
    for (let i = 0; i < positions.length; i += 1) positions[i] = i;
    for (let i = 0; i < older.length; i += 1) {
      const pick = i + Math.floor(draws.next() * (positions.length - i));
      const position = positions[pick]!;
      positions[pick] = positions[i]!;
      older[i] = window[position]!;
    }
  }
}
