const { imul } = Math;

/**
 * The mulberry32 generator: uniform numbers in [0, 1), the same in every language. Its whole state is one number.
 *
 * @see T. Ettinger (2017), mulberry32, public domain.
 */
export class Mulberry32 {
  /** An unsigned 32-bit integer: the seed, and later where the sequence stands. */
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  next(): number {
    const a = (this.state + 0x6d2b79f5) >>> 0;
    this.state = a;
    let t = imul(a ^ (a >>> 15), a | 1);
    t = ((t + imul(t ^ (t >>> 7), t | 61)) >>> 0) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}

/** The same as a function, for callers that keep no state. */
export function mulberry32(seed: number): () => number {
  const generator = new Mulberry32(seed);
  return () => generator.next();
}
