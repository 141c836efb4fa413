/** What sums up rows and merges with its like: confusion matrices, errors, calibration bins, histograms. */
export interface Accumulator<State> {
  readonly rows: number;
  state(): State;
}

/** How accumulators of one kind are made, from nothing and from what was saved, and put together. */
export interface AccumulatorKind<A extends Accumulator<State>, State> {
  begin(): A;
  of(state: State): A;
  merge(into: A, other: A): void;
}

/** What a window is saved as: its panes by number. */
export interface PanedWindowState<State> {
  readonly newest: number | null;
  readonly panes: readonly (readonly [pane: number, state: State])[];
}

/**
 * A sliding window over anything that merges: positions (times, or row numbers) fall into panes of equal span, and the window is the newest panes
 * together. Memory is a few panes, whatever the rows; it slides by a pane.
 *
 * Windows of partitions merge, to what one window over all rows would hold.
 *
 * @see J. Li et al. (2005), No Pane, No Gain, SIGMOD Record 34(1):39-44
 */
export class PanedWindow<A extends Accumulator<State>, State> {
  private panes = new Map<number, A>();
  private newest: number | null = null;

  /**
   * @param span of a pane, in the positions' unit, above 0
   * @param count of panes in the window, at least 1
   */
  constructor(
    private readonly kind: AccumulatorKind<A, State>,
    private readonly span: number,
    private readonly count: number,
  ) {
    if (!(span > 0 && span < Infinity)) throw new RangeError(`A pane's span is above 0, got ${span}`);
    if (!Number.isInteger(count) || count < 1) throw new RangeError(`A window has at least 1 pane, got ${count}`);
  }

  /**
   * Where a row at this position is to be added; null if it comes too late and the window has gone on.
   *
   * @throws RangeError unless the position is finite.
   */
  at(position: number): A | null {
    if (!Number.isFinite(position)) throw new RangeError(`A position is finite, got ${position}`);
    const number = Math.floor(position / this.span);
    this.advance(number);
    if (number <= this.newest! - this.count) return null;
    const pane = this.panes.get(number) ?? this.kind.begin();
    this.panes.set(number, pane);
    return pane;
  }

  /** All panes in the window, put together anew. */
  whole(): A {
    const sum = this.kind.begin();
    const numbers = [...this.panes.keys()].sort((a, b) => a - b);
    for (const number of numbers) this.kind.merge(sum, this.panes.get(number)!);
    return sum;
  }

  merge(other: PanedWindow<A, State>): void {
    if (other.span !== this.span || other.count !== this.count) {
      throw new RangeError(
        `${other.count} panes of ${other.span} do not merge with ${this.count} panes of ${this.span}`,
      );
    }
    if (other.newest === null) return;
    this.advance(other.newest);
    for (const [number, pane] of other.panes) {
      if (number <= this.newest! - this.count) continue;
      const own = this.panes.get(number) ?? this.kind.begin();
      this.kind.merge(own, pane);
      this.panes.set(number, own);
    }
  }

  state(): PanedWindowState<State> {
    return { newest: this.newest, panes: [...this.panes].map(([number, pane]) => [number, pane.state()]) };
  }

  restore(state: PanedWindowState<State>): void {
    this.newest = state.newest;
    this.panes = new Map(state.panes.map(([number, pane]) => [number, this.kind.of(pane)]));
  }

  private advance(number: number): void {
    if (this.newest !== null && number <= this.newest) return;
    this.newest = number;
    for (const pane of this.panes.keys()) if (pane <= number - this.count) this.panes.delete(pane);
  }
}
