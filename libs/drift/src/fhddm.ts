import { refusedOutcome, requireOption, type DriftDetector, type Verdict } from './detector.js';

export interface FhddmOptions {
  /** Values in the window; an integer of at least 1. No verdict before it is full. */
  slidingWindowSize: number;
  /** Error probability by Hoeffding's bound, in (0, 1). */
  confidenceLevel: number;
  /** A second, shorter window at the new end of the first, for sudden changes ("stacking"); null for none. */
  shortWindowSize: number | null;
}

export const fhddmDefaults: Readonly<FhddmOptions> = {
  slidingWindowSize: 100,
  confidenceLevel: 1e-6,
  shortWindowSize: null,
};

export interface FhddmState {
  /** The window's values, oldest first. */
  window: number[];
  /** Largest share of ones in a full window so far, and in the short one. */
  uMax: number;
  uShortMax: number;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * Fast Hoeffding drift detection method: reports when the share of ones in a sliding window has *dropped* from its maximum by more
 * than Hoeffding's bound allows. O(1), memory of the window. The verdicts are those of River 0.26.
 *
 * @throws RangeError if a value is neither 0 nor 1; the state stays as it was. 1 is a **correct** answer here, unlike elsewhere.
 * @see A. Pesaranghader, H. L. Viktor (2016), Fast Hoeffding Drift Detection Method for Evolving Data Streams, ECML-PKDD; and with
 * Paquet (2018), Reservoir of Diverse Adaptive Learners, Machine Learning 107:1711-1743, for the short window.
 */
export class Fhddm implements DriftDetector<FhddmState> {
  private readonly size: number;
  private readonly shortSize: number;
  private readonly epsilon: number;
  private readonly epsilonShort: number;
  /** A ring: the oldest value is at `next` once it is full. */
  private readonly ring: Uint8Array;
  private next = 0;
  private filled = 0;
  private ones = 0;
  private onesShort = 0;
  private uMax = 0;
  private uShortMax = 0;
  private restarts = false;

  constructor(options: Partial<FhddmOptions> = {}) {
    const { slidingWindowSize, confidenceLevel, shortWindowSize } = { ...fhddmDefaults, ...options };
    const natural = (n: number) => Number.isInteger(n) && n >= 1;
    requireOption(
      natural(slidingWindowSize),
      'FHDDM: slidingWindowSize is an integer of at least 1',
      slidingWindowSize,
    );
    requireOption(confidenceLevel > 0 && confidenceLevel < 1, 'FHDDM: confidenceLevel lies in (0, 1)', confidenceLevel);
    requireOption(
      shortWindowSize === null || (natural(shortWindowSize) && shortWindowSize <= slidingWindowSize),
      'FHDDM: shortWindowSize is null or an integer from 1 to slidingWindowSize',
      shortWindowSize,
    );
    this.size = slidingWindowSize;
    this.shortSize = shortWindowSize ?? 0;
    this.epsilon = Math.sqrt(Math.log(1 / confidenceLevel) / (2 * this.size));
    this.epsilonShort = Math.sqrt(Math.log(1 / confidenceLevel) / (2 * this.shortSize));
    this.ring = new Uint8Array(this.size);
  }

  update(correct: number): Verdict {
    if (correct !== 0 && correct !== 1) throw refusedOutcome('FHDDM', correct);
    if (this.restarts) this.start();
    this.push(correct);
    if (this.filled < this.size) return 'stable';
    const u = this.ones / this.size;
    if (u > this.uMax) this.uMax = u;
    this.restarts = this.uMax - u > this.epsilon;
    if (this.shortSize > 0) {
      const uShort = this.onesShort / this.shortSize;
      if (uShort > this.uShortMax) this.uShortMax = uShort;
      if (this.uShortMax - uShort > this.epsilonShort) this.restarts = true;
    }
    return this.restarts ? 'drift' : 'stable';
  }

  state(): FhddmState {
    const oldest = this.filled < this.size ? 0 : this.next;
    return {
      window: Array.from({ length: this.filled }, (_, i) => this.ring[(oldest + i) % this.size]!),
      uMax: this.uMax,
      uShortMax: this.uShortMax,
      restarts: this.restarts,
    };
  }

  restore(state: FhddmState): void {
    requireOption(
      state.window.length <= this.size,
      `FHDDM: a window has at most ${this.size} values`,
      state.window.length,
    );
    this.start();
    for (const value of state.window) this.push(value);
    this.uMax = state.uMax;
    this.uShortMax = state.uShortMax;
    this.restarts = state.restarts;
  }

  private push(value: number): void {
    if (this.filled === this.size) this.ones -= this.ring[this.next]!;
    else this.filled += 1;
    if (this.shortSize > 0) {
      // What leaves the short window lies that far behind; an empty ring holds zeros.
      this.onesShort += value - this.ring[(this.next - this.shortSize + this.size) % this.size]!;
    }
    this.ring[this.next] = value;
    this.ones += value;
    this.next = this.next + 1 === this.size ? 0 : this.next + 1;
  }

  private start(): void {
    this.ring.fill(0);
    this.next = 0;
    this.filled = 0;
    this.ones = 0;
    this.onesShort = 0;
    this.uMax = 0;
    this.uShortMax = 0;
    this.restarts = false;
  }
}
