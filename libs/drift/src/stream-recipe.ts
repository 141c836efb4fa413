import { mulberry32 } from './mulberry32.js';

/** One stretch of a generated stream; `n` values of one kind. */
export type Segment = { n: number } & Source;

type Source =
  | { kind: 'constant'; value: number }
  | { kind: 'bernoulli'; p: number }
  | { kind: 'uniform'; lo: number; hi: number }
  | { kind: 'gauss'; mean: number; sd: number }
  | { kind: 'ramp_gauss'; mean0: number; mean1: number; sd: number }
  | { kind: 'ramp_bernoulli'; p0: number; p1: number }
  | { kind: 'gradual'; from: Source; to: Source }
  | { kind: 'category'; probs: number[] };

/** A stream that anybody can make again, bit for bit, from a few numbers. */
export interface StreamRecipe {
  seed: number;
  segments: Segment[];
  /** Decimals the values are rounded to. */
  round?: number;
}

/** An Irwin–Hall draw: nearly normal, without a logarithm or cosine, so the same bits everywhere. */
export function gauss(random: () => number, mean: number, sd: number): number {
  let sum = 0;
  for (let i = 0; i < 12; i += 1) sum += random();
  return mean + sd * (sum - 6);
}

/** The values of a recipe, in order. */
export function streamOf({ seed, segments, round }: StreamRecipe): number[] {
  const random = mulberry32(seed);
  const values: number[] = [];
  for (const segment of segments) {
    for (let k = 0; k < segment.n; k += 1) values.push(draw(segment, random, k, segment.n));
  }
  if (round === undefined) return values;
  const scale = 10 ** round;
  return values.map((value) => Math.floor(value * scale + 0.5) / scale);
}

function draw(source: Source, random: () => number, k: number, n: number): number {
  switch (source.kind) {
    case 'constant':
      return source.value;
    case 'bernoulli':
      return random() < source.p ? 1 : 0;
    case 'uniform':
      return source.lo + (source.hi - source.lo) * random();
    case 'gauss':
      return gauss(random, source.mean, source.sd);
    case 'ramp_gauss':
      return gauss(random, source.mean0 + (source.mean1 - source.mean0) * (k / n), source.sd);
    case 'ramp_bernoulli':
      return random() < source.p0 + (source.p1 - source.p0) * (k / n) ? 1 : 0;
    case 'gradual':
      return draw(random() < (k + 1) / n ? source.to : source.from, random, k, n);
    case 'category':
      return category(source.probs, random());
  }
}

function category(probs: number[], u: number): number {
  let cumulated = 0;
  for (let i = 0; i < probs.length; i += 1) {
    cumulated += probs[i]!;
    if (u < cumulated) return i;
  }
  return probs.length - 1;
}
