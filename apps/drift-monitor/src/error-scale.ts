import { SCALES_MAX } from '@gyre/contracts';

/** Errors above 0 whose mean is the scale, where no holdout says what it is. */
const ERRORS_FIRST = 30;

export interface ErrorScaleState {
  scale: number | null;
  /** Errors above 0 so far, while the scale is not known. */
  first: number[];
}

/**
 * The unit in which one version's errors are watched, so that they are bounded: 1 for the 0/1 errors of classes; for the absolute errors of a regression
 * what its holdout was off by, else the mean of its first 30 errors above 0, each cut at five times their median.
 *
 * It is fixed for as long as the version is watched: a scale that followed the errors would hide a rise that is gradual.
 */
export class ErrorScale {
  /** No bounded error is larger. */
  readonly max: number;
  private scale: number | null;
  private first: number[] = [];

  /** @param promised what the holdout was off by; null where that is not known */
  constructor(isRegression: boolean, promised: number | null) {
    this.max = isRegression ? SCALES_MAX : 1;
    this.scale = isRegression ? (promised !== null && promised > 0 ? promised : null) : 1;
  }

  /** Of a bounded error of 1, in the label's unit; 1 while it is not known. */
  get unit(): number {
    return this.scale ?? 1;
  }

  /** @param error at least 0 @returns it in units of the scale, in [0, max]; null while the scale is not known */
  bounded(error: number): number | null {
    if (error === 0) return 0;
    return this.scale === null ? null : Math.min(this.max, error / this.scale);
  }

  /** Takes an error, after it was judged. */
  learn(error: number): void {
    if (this.scale !== null || !(error > 0)) return;
    this.first.push(error);
    if (this.first.length < ERRORS_FIRST) return;
    const sorted = [...this.first].sort((a, b) => a - b);
    const most = SCALES_MAX * sorted[ERRORS_FIRST / 2]!;
    this.scale = sorted.reduce((sum, one) => sum + Math.min(one, most), 0) / ERRORS_FIRST;
    this.first = [];
  }

  state(): ErrorScaleState {
    return { scale: this.scale, first: [...this.first] };
  }

  restore({ scale, first }: ErrorScaleState): void {
    this.scale = scale;
    this.first = [...first];
  }
}
