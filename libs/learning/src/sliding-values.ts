/** The last values of a stream, and what is to be said of them. Adding is O(1), asking O(size). */
export class SlidingValues {
  private readonly values: Float64Array;
  private next = 0;
  private filled = 0;

  /** @param size values kept, an integer of at least 1 */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`A window holds at least 1 value, got ${size}`);
    this.values = new Float64Array(size);
  }

  /** @throws RangeError unless the value is finite; the window stays as it was. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`A window holds finite numbers, got ${value}`);
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.values.length;
    this.filled = Math.min(this.filled + 1, this.values.length);
  }

  get rows(): number {
    return this.filled;
  }

  /** Null without values, as all below. Sums go from the oldest value on: in another order they round otherwise, and a restored window has another order. */
  mean(): number | null {
    return this.filled === 0 ? null : this.state().reduce((sum, value) => sum + value, 0) / this.filled;
  }

  /** Of a sample: divided by one less than there are values; 0 for one. */
  variance(): number | null {
    const mean = this.mean();
    if (mean === null) return null;
    return this.state().reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, this.filled - 1);
  }

  max(): number | null {
    return this.filled === 0 ? null : this.within().reduce((largest, value) => Math.max(largest, value));
  }

  /**
   * By linear interpolation between the two nearest values.
   *
   * @param q in [0, 1]
   */
  quantile(q: number): number | null {
    if (!(q >= 0 && q <= 1)) throw new RangeError(`A quantile is in [0, 1], got ${q}`);
    if (this.filled === 0) return null;
    const rising = this.within().slice().sort();
    const position = q * (this.filled - 1);
    const below = rising[Math.floor(position)]!;
    const above = rising[Math.ceil(position)]!;
    return below + (above - below) * (position - Math.floor(position));
  }

  /** Oldest first; also what it is saved as. */
  state(): number[] {
    const from = this.filled < this.values.length ? 0 : this.next;
    return Array.from({ length: this.filled }, (_, i) => this.values[(from + i) % this.values.length]!);
  }

  static of(state: readonly number[], size: number): SlidingValues {
    const window = new SlidingValues(size);
    if (state.length > size) throw new RangeError(`A window of ${size} values does not hold ${state.length}`);
    for (const value of state) window.add(value);
    return window;
  }

  private within(): Float64Array {
    return this.values.subarray(0, this.filled);
  }
}
