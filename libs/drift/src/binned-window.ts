import { requireOption } from './detector.js';
import { binOf, isPresent, type ReferenceBins } from './reference-bins.js';

/** Rows of a window in each bin of the reference, as plain JSON. */
export interface BinnedWindowState {
  counts: number[];
  missing: number;
}

/**
 * Counts a window's values in the bins of the reference: bounded memory, O(log bins) a value, and windows of partitions or
 * minutes merge into larger ones by adding up, to exactly what one window over all rows would hold.
 */
export class BinnedWindow {
  private readonly edges: readonly number[];
  private counts: number[];
  private missing = 0;

  constructor(reference: Pick<ReferenceBins, 'edges'>) {
    this.edges = [...reference.edges];
    this.counts = this.edges.map(() => 0);
    this.counts.push(0);
  }

  /** Takes any number, infinities too; null, undefined and NaN count as missing. @returns its bin; for what is missing the one after the last */
  add(value: number | null | undefined): number {
    if (!isPresent(value)) {
      this.missing += 1;
      return this.counts.length;
    }
    const bin = binOf(this.edges, value);
    this.counts[bin]! += 1;
    return bin;
  }

  /** @throws RangeError if the other window has another number of bins */
  merge(other: BinnedWindowState): void {
    this.requireSameBins(other);
    other.counts.forEach((count, i) => (this.counts[i]! += count));
    this.missing += other.missing;
  }

  state(): BinnedWindowState {
    return { counts: [...this.counts], missing: this.missing };
  }

  /** @throws RangeError if the state has another number of bins */
  restore(state: BinnedWindowState): void {
    this.requireSameBins(state);
    this.counts = [...state.counts];
    this.missing = state.missing;
  }

  private requireSameBins(state: BinnedWindowState): void {
    requireOption(
      state.counts.length === this.counts.length,
      `BinnedWindow: a window has ${this.counts.length} bins`,
      state.counts.length,
    );
  }
}
