import type { InputsMeasured } from '@gyre/contracts';
import { addCounts, type OutputCounts } from './output-bins.js';

export interface InputsWindowState {
  rows: number;
  counts: number[][];
  missing: number[];
  outOfRange: number[];
  outputs: OutputCounts;
}

/** Counts of inputs and answers over some rows; windows add up. */
export class InputsWindow {
  rows = 0;
  /** By feature and bin. */
  counts: number[][];
  missing: number[];
  outOfRange: number[];
  outputs: OutputCounts = {};

  /** @param bins of each feature */
  constructor(bins: readonly number[]) {
    this.counts = bins.map((count) => Array.from({ length: count }, () => 0));
    this.missing = bins.map(() => 0);
    this.outOfRange = bins.map(() => 0);
  }

  add({ rows, features, outputs }: Pick<InputsMeasured, 'rows' | 'features' | 'outputs'>): void {
    this.rows += rows;
    features.forEach(({ counts, missing, outOfRange }, f) => {
      const own = this.counts[f]!;
      for (let bin = 0; bin < own.length; bin++) own[bin]! += counts[bin] ?? 0;
      this.missing[f]! += missing;
      this.outOfRange[f]! += outOfRange;
    });
    addCounts(this.outputs, outputs);
  }

  merge(other: InputsWindow): void {
    const { rows, outputs, missing, outOfRange } = other;
    const features = other.counts.map((counts, f) => ({
      counts,
      missing: missing[f]!,
      outOfRange: outOfRange[f]!,
    }));
    this.add({ rows, features, outputs });
  }

  state(): InputsWindowState {
    const { rows, counts, missing, outOfRange, outputs } = this;
    return {
      rows,
      counts: counts.map((one) => [...one]),
      missing: [...missing],
      outOfRange: [...outOfRange],
      outputs: { ...outputs },
    };
  }

  restore({ rows, counts, missing, outOfRange, outputs }: InputsWindowState): void {
    this.rows = rows;
    this.counts = counts.map((one) => [...one]);
    this.missing = [...missing];
    this.outOfRange = [...outOfRange];
    this.outputs = { ...outputs };
  }
}
