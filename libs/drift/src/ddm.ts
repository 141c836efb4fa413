import { refusedOutcome, requireOption, type DriftDetector, type Verdict } from './detector.js';

export interface DdmOptions {
  /** No verdict until there are more values than this; at least 0. */
  warmStart: number;
  /** Standard deviations above the best level seen at which to warn, and at which to report a drift. */
  warningThreshold: number;
  driftThreshold: number;
}

export const ddmDefaults: Readonly<DdmOptions> = { warmStart: 30, warningThreshold: 2, driftThreshold: 3 };

export interface DdmState {
  n: number;
  /** Error rate so far. */
  p: number;
  /** Error rate and standard deviation where their sum was smallest; null until the warm start is over. */
  pMin: number | null;
  sMin: number | null;
  /** True from a detection until the next update, which starts afresh. */
  restarts: boolean;
}

/**
 * Drift detection method: the error rate of a learner should only fall; it reports when the rate has risen by more
 * standard deviations than chance explains. O(1). The verdicts are those of River 0.26.
 *
 * @throws RangeError if a value is neither 0 (correct) nor 1 (error); the state stays as it was.
 * @see J. Gama, P. Medas, G. Castillo, P. Rodrigues (2004), Learning with Drift Detection, SBIA, section 3.
 */
export class Ddm implements DriftDetector<DdmState> {
  private readonly options: DdmOptions;
  private n = 0;
  private p = 0;
  private pMin = Infinity;
  private sMin = Infinity;
  private restarts = false;

  constructor(options: Partial<DdmOptions> = {}) {
    this.options = { ...ddmDefaults, ...options };
    const { warmStart, warningThreshold, driftThreshold } = this.options;
    requireOption(warmStart >= 0, 'DDM: warmStart is at least 0', warmStart);
    requireOption(warningThreshold > 0, 'DDM: warningThreshold is above 0', warningThreshold);
    requireOption(
      driftThreshold >= warningThreshold,
      'DDM: driftThreshold is at least warningThreshold',
      driftThreshold,
    );
  }

  update(error: number): Verdict {
    if (error !== 0 && error !== 1) throw refusedOutcome('DDM', error);
    if (this.restarts) this.start();
    this.n += 1;
    this.p += (error - this.p) / this.n;
    const { warmStart, warningThreshold, driftThreshold } = this.options;
    if (this.n <= warmStart) return 'stable';
    const s = Math.sqrt((this.p * (1 - this.p)) / this.n);
    const level = this.p + s;
    if (level <= this.pMin + this.sMin) {
      this.pMin = this.p;
      this.sMin = s;
    }
    this.restarts = level > this.pMin + driftThreshold * this.sMin;
    if (this.restarts) return 'drift';
    return level > this.pMin + warningThreshold * this.sMin ? 'warning' : 'stable';
  }

  state(): DdmState {
    const begun = this.pMin < Infinity;
    return {
      n: this.n,
      p: this.p,
      pMin: begun ? this.pMin : null,
      sMin: begun ? this.sMin : null,
      restarts: this.restarts,
    };
  }

  restore(state: DdmState): void {
    this.n = state.n;
    this.p = state.p;
    this.pMin = state.pMin ?? Infinity;
    this.sMin = state.sMin ?? Infinity;
    this.restarts = state.restarts;
  }

  private start(): void {
    this.restore({ n: 0, p: 0, pMin: null, sMin: null, restarts: false });
  }
}
