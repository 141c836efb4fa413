import { Mulberry32 } from '@gyre/drift';

/**
 * Which rows of a table of unknown length are a sample of at most `size` rows, each row as likely as any other: the caller counts its rows up to `next`, and puts that
 * row into the place that `take` gives. Nothing is done for the rows in between. The same rows every time.
 *
 * @see K.-H. Li (1994), Reservoir-Sampling Algorithms of Time Complexity O(n(1 + log(N/n))), ACM Transactions on Mathematical Software 20:481-493, algorithm L
 */
export class RowSampler {
  /** The row, from 0, that is to be taken next. */
  next = 0;
  private weight = 1;
  private readonly random = new Mulberry32(1);

  /** @param size at least 1 */
  constructor(private readonly size: number) {}

  /** Takes row `next`. @returns its place, from 0 to size - 1; what stands there is no longer of the sample */
  take(): number {
    const row = this.next;
    const place = row < this.size ? row : Math.floor(this.size * this.uniform());
    if (row + 1 < this.size) this.next = row + 1;
    else {
      this.weight *= Math.exp(Math.log(this.uniform()) / this.size);
      this.next = row + 1 + Math.floor(Math.log(this.uniform()) / Math.log1p(-this.weight));
    }
    return place;
  }

  /** In (0, 1): the logarithm of 0 would end the sample. */
  private uniform(): number {
    return Math.max(this.random.next(), 2 ** -33);
  }
}

/** The rows, rising, of a sample from a table of so many rows. */
export function sampledRows(rows: number, size: number): number[] {
  const sampler = new RowSampler(size);
  const sample: number[] = [];
  for (let row = 0; row < rows; row = sampler.next) sample[sampler.take()] = row;
  return sample.sort((a, b) => a - b);
}
