const SIZE = 624;

/**
 * Python's `random.Random(seed)`, as far as vectors need it that were drawn by it: `sample` of the numbers below a bound.
 *
 * @see M. Matsumoto, T. Nishimura (1998), Mersenne Twister, ACM TOMACS 8:3-30; CPython's Lib/random.py for the draws
 */
export class PythonRandom {
  private readonly words = new Uint32Array(SIZE);
  private at = SIZE;

  /** @throws RangeError unless the seed is a whole number from 0 on */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new RangeError(`a seed is a whole number from 0 on, got ${seed}`);
    this.seedBy(seed < 2 ** 32 ? [seed] : [seed % 2 ** 32, Math.floor(seed / 2 ** 32)]);
  }

  /** `count` different numbers from 0 up to `bound`, that excluded, in the order of their drawing. */
  sample(bound: number, count: number): number[] {
    // As Python has it: a list where it takes less room than a set.
    const setSize = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(3 * count) / Math.log(4)) : 0);
    if (bound > setSize) {
      const drawn = new Set<number>();
      while (drawn.size < count) drawn.add(this.below(bound));
      return [...drawn];
    }
    const pool = Array.from({ length: bound }, (_, i) => i);
    return Array.from({ length: count }, (_, i) => {
      const place = this.below(bound - i);
      const one = pool[place]!;
      pool[place] = pool[bound - i - 1]!;
      return one;
    });
  }

  private below(bound: number): number {
    const bits = 32 - Math.clz32(bound);
    let drawn = this.next() >>> (32 - bits);
    while (drawn >= bound) drawn = this.next() >>> (32 - bits);
    return drawn;
  }

  private next(): number {
    if (this.at === SIZE) this.twist();
    let y = this.words[this.at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const { words } = this;
    for (let i = 0; i < SIZE; i += 1) {
      const y = (words[i]! & 0x80000000) | (words[(i + 1) % SIZE]! & 0x7fffffff);
      words[i] = words[(i + 397) % SIZE]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  private seedBy(key: readonly number[]): void {
    const { words } = this;
    const mixed = (i: number) => words[i - 1]! ^ (words[i - 1]! >>> 30);
    words[0] = 19650218;
    for (let i = 1; i < SIZE; i += 1) words[i] = Math.imul(1812433253, mixed(i)) + i;
    let i = 1;
    const step = () => {
      i += 1;
      if (i < SIZE) return;
      words[0] = words[SIZE - 1]!;
      i = 1;
    };
    for (let k = 0; k < SIZE; k += 1, step()) {
      const j = k % key.length;
      words[i] = (words[i]! ^ Math.imul(mixed(i), 1664525)) + key[j]! + j;
    }
    for (let k = 1; k < SIZE; k += 1, step()) words[i] = (words[i]! ^ Math.imul(mixed(i), 1566083941)) - i;
    words[0] = 0x80000000;
  }
}
