import type { NumericSample } from './numeric-pair.js';

export interface AndersonDarling {
  /** The standardised statistic: about 0 when all samples come from one distribution. */
  statistic: number;
  /** Interpolated between tabulated levels, and so never outside [0.001, 0.25]. */
  pValue: number;
  /** The statistic at the levels 25, 10, 5, 2.5, 1, 0.5 and 0.1 %. */
  criticalValues: number[];
}

/**
 * The k-sample Anderson–Darling test: as Cramér–von Mises, but the tails count more.
 *
 * @param samples at least two, each rising. O(k n) for k samples
 * @param ties `midrank` shares the ranks of tied values; `right` counts a tied value where its group ends
 * @throws RangeError when all values are the same, or there are fewer than four in all
 * @see F. W. Scholz, M. A. Stephens (1987), K-Sample Anderson–Darling Tests, JASA 82:918-924, equations 6 and 7, and table 2.
 */
export function andersonDarling(
  samples: readonly Pick<NumericSample, 'values'>[],
  ties: 'midrank' | 'right' = 'midrank',
): AndersonDarling {
  const k = samples.length;
  if (k < 2) throw new RangeError(`Anderson–Darling compares at least 2 samples, got ${k}`);
  const sizes = samples.map(({ values }) => values.length);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (all < 4) throw new RangeError(`Anderson–Darling takes at least 4 values in all, got ${all}`);
  const values = samples.reduce<Float64Array>((merged, one) => mergeRising(merged, one.values), new Float64Array(0));
  if (values[0] === values[all - 1]) throw new RangeError('Anderson–Darling takes more than one distinct value');
  const statistic = (sumOfSquares(samples, sizes, values, ties) - (k - 1)) / Math.sqrt(varianceOf(sizes, all));
  const root = Math.sqrt(k - 1);
  const criticalValues = TABLE.map(([b0, b1, b2]) => b0 + b1 / root + b2 / (k - 1));
  return { statistic, pValue: interpolate(statistic, criticalValues), criticalValues };
}

const LEVELS = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
const TABLE = [
  [0.675, -0.245, -0.105],
  [1.281, 0.25, -0.305],
  [1.645, 0.678, -0.362],
  [1.96, 1.149, -0.391],
  [2.326, 1.822, -0.396],
  [2.573, 2.364, -0.345],
  [3.085, 3.615, -0.154],
] as const;

function sumOfSquares(
  samples: readonly Pick<NumericSample, 'values'>[],
  sizes: readonly number[],
  pooled: Float64Array,
  ties: 'midrank' | 'right',
): number {
  const all = pooled.length;
  const before = sizes.map(() => 0);
  const sums = sizes.map(() => 0);
  for (let start = 0; start < all;) {
    const value = pooled[start]!;
    let end = start;
    while (end < all && pooled[end] === value) end += 1;
    const tied = end - start;
    const below = ties === 'midrank' ? start + tied / 2 : end;
    const weight =
      ties === 'midrank'
        ? tied / all / (below * (all - below) - (all * tied) / 4)
        : end === all
          ? 0
          : tied / all / (below * (all - below));
    for (let s = 0; s < samples.length; s += 1) {
      const { values } = samples[s]!;
      const from = before[s]!;
      let to = from;
      while (to < values.length && values[to] === value) to += 1;
      const own = ties === 'midrank' ? (from + to) / 2 : to;
      sums[s]! += weight * (all * own - below * sizes[s]!) ** 2;
      before[s] = to;
    }
    start = end;
  }
  const sum = sums.reduce((whole, part, s) => whole + part / sizes[s]!, 0);
  return ties === 'midrank' ? (sum * (all - 1)) / all : sum;
}

function mergeRising(first: Float64Array, second: Float64Array): Float64Array {
  const merged = new Float64Array(first.length + second.length);
  let i = 0;
  let j = 0;
  for (let at = 0; at < merged.length; at += 1) {
    const fromFirst = j === second.length || (i < first.length && first[i]! <= second[j]!);
    merged[at] = fromFirst ? first[i++]! : second[j++]!;
  }
  return merged;
}

function varianceOf(sizes: readonly number[], all: number): number {
  const k = sizes.length;
  const inverse = sizes.reduce((sum, size) => sum + 1 / size, 0);
  let harmonic = 0;
  let g = 0;
  for (let i = all - 1; i > 1; i -= 1) {
    harmonic += 1 / i;
    g += harmonic / (all + 1 - i);
  }
  const h = harmonic + 1;
  const a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse;
  const b = (2 * g - 4) * k ** 2 + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6;
  const c = (6 * h + 2 * g - 2) * k ** 2 + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h;
  const d = (2 * h + 6) * k ** 2 - 4 * h * k;
  return (((a * all + b) * all + c) * all + d) / ((all - 1) * (all - 2) * (all - 3));
}

/** The level at a statistic, by a parabola through the logarithms of the tabulated ones. */
function interpolate(statistic: number, criticalValues: readonly number[]): number {
  if (statistic < Math.min(...criticalValues)) return Math.max(...LEVELS);
  if (statistic > Math.max(...criticalValues)) return Math.min(...LEVELS);
  const centre = criticalValues.reduce((sum, value) => sum + value, 0) / criticalValues.length;
  const x = criticalValues.map((value) => value - centre);
  const y = LEVELS.map(Math.log);
  const moment = (power: number) => x.reduce((sum, value) => sum + value ** power, 0);
  const mixed = (power: number) => x.reduce((sum, value, i) => sum + value ** power * y[i]!, 0);
  const [c0, c1, c2] = solve3(
    [
      [moment(0), moment(1), moment(2)],
      [moment(1), moment(2), moment(3)],
      [moment(2), moment(3), moment(4)],
    ],
    [mixed(0), mixed(1), mixed(2)],
  );
  const at = statistic - centre;
  return Math.exp(c0 + c1 * at + c2 * at * at);
}

type Three = [number, number, number];

/** Cramer's rule. */
function solve3(matrix: [Three, Three, Three], right: Three): Three {
  const [p, q, r] = matrix;
  const determinant = (u: Three, v: Three, w: Three) =>
    u[0] * (v[1] * w[2] - v[2] * w[1]) - u[1] * (v[0] * w[2] - v[2] * w[0]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
  const replaced = (row: Three, column: number, value: number): Three =>
    row.map((entry, i) => (i === column ? value : entry)) as Three;
  const whole = determinant(p, q, r);
  return [0, 1, 2].map(
    (column) =>
      determinant(replaced(p, column, right[0]), replaced(q, column, right[1]), replaced(r, column, right[2])) / whole,
  ) as Three;
}
