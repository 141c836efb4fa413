/** What the moments are saved as. */
export interface MomentsState {
  readonly rows: number;
  readonly mean: number;
  /** Summed squared distance from the mean. */
  readonly spread: number;
}

/**
 * Mean and variance of a stream, one value at a time. Those of disjoint rows merge, in any order (but for rounding).
 *
 * @see B. P. Welford (1962), Technometrics 4:419-420; T. Chan, G. Golub, R. LeVeque (1983) for the merge
 */
export class RunningMoments {
  private current = { rows: 0, mean: 0, spread: 0 };

  /** @throws RangeError unless the value is finite; the sums stay as they were. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`Moments are of finite numbers, got ${value}`);
    const s = this.current;
    const distance = value - s.mean;
    s.rows += 1;
    s.mean += distance / s.rows;
    s.spread += distance * (value - s.mean);
  }

  merge(other: RunningMoments): void {
    const s = this.current;
    const o = other.current;
    const rows = s.rows + o.rows;
    if (rows === 0) return;
    const distance = o.mean - s.mean;
    s.spread += o.spread + (distance * distance * s.rows * o.rows) / rows;
    s.mean += (distance * o.rows) / rows;
    s.rows = rows;
  }

  get rows(): number {
    return this.current.rows;
  }

  /** 0 without rows. */
  mean(): number {
    return this.current.mean;
  }

  /**
   * @param lost degrees of freedom that the mean takes: 1 for a sample's variance, 0 for a population's
   * @returns 0 for so few rows that nothing varies
   */
  variance(lost: 0 | 1 = 1): number {
    const { rows, spread } = this.current;
    return rows <= 1 ? 0 : spread / (rows - lost);
  }

  state(): MomentsState {
    return { ...this.current };
  }

  static of(state: MomentsState): RunningMoments {
    const moments = new RunningMoments();
    moments.current = { ...state };
    return moments;
  }
}
