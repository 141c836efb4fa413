import { andersonDarling } from './anderson-darling.js';
import { chiSquareTest, cramersV, gTest } from './chi-square.js';
import { cramerVonMises } from './cramer-von-mises.js';
import { requireOption } from './detector.js';
import { hellingerDistance, jensenShannonDistance, klDivergence, totalVariation } from './divergences.js';
import { evenlySpread } from './evenly-spread.js';
import { fisherExact } from './fisher.js';
import { countBetween, equalWidthEdges } from './histogram-edges.js';
import { kolmogorovSmirnov } from './kolmogorov-smirnov.js';
import type { LevelPair } from './level-counts.js';
import { mannWhitney } from './mann-whitney.js';
import { mmdTest } from './mmd.js';
import type { NumericPair } from './numeric-pair.js';
import { psiTest } from './psi.js';
import { sortedQuantileEdges } from './reference-bins.js';
import { twoProportions } from './two-proportions.js';
import { energyDistance, normedWassersteinDistance, wassersteinDistance } from './wasserstein.js';
import { welch } from './welch.js';

/** What a test makes of two samples: a number that grows with their difference, and how likely as large a one is by chance. */
export interface TwoSampleResult {
  statistic: number;
  /** In [0, 1]; null for a measure that is no test. */
  pValue: number | null;
}

interface TwoSampleTest {
  /** What the statistic is, in a few words. */
  statistic: string;
  /** Of two samples of numbers. @throws RangeError where the test is not defined: too few values, or no variation */
  numeric?: (pair: NumericPair) => TwoSampleResult;
  /** Of two samples of levels. @throws RangeError where the test is not defined */
  categorical?: (pair: LevelPair) => TwoSampleResult;
}

/** Two vectors of counts over the same bins or levels. */
type Counts = Pick<LevelPair, 'reference' | 'current'>;

const psi = ({ reference, current }: Counts): TwoSampleResult => {
  const { psi: statistic, pValue } = psiTest(reference, current);
  return { statistic, pValue };
};
const kl = ({ reference, current }: Counts) => measure(klDivergence(reference, current));
const jensenShannon = ({ reference, current }: Counts) => measure(jensenShannonDistance(reference, current));
const hellinger = ({ reference, current }: Counts) => measure(hellingerDistance(reference, current));
const variation = ({ reference, current }: Counts) => measure(totalVariation(reference, current));

/**
 * Every two-sample test and measure by the name that settings and the command line use. A new one is a line here.
 *
 * Rows without a value take no part. Numbers are counted in bins between the reference's deciles for the measures that compare counts, and in ten
 * bins of equal width for `psi-fixed`.
 */
export const twoSampleTests = {
  psi: { statistic: 'population stability index', numeric: (pair) => psi(deciles(pair)), categorical: psi },
  'psi-fixed': {
    statistic: 'population stability index over ten bins of equal width',
    numeric: (pair) => psi(between(equalWidthEdges(pair, 10), pair)),
  },
  kl: { statistic: 'Kullback–Leibler divergence, nats', numeric: (pair) => kl(deciles(pair)), categorical: kl },
  'jensen-shannon': {
    statistic: 'Jensen–Shannon distance, root of nats',
    numeric: (pair) => jensenShannon(deciles(pair)),
    categorical: jensenShannon,
  },
  hellinger: { statistic: 'Hellinger distance', numeric: (pair) => hellinger(deciles(pair)), categorical: hellinger },
  'total-variation': {
    statistic: 'total variation distance',
    numeric: (pair) => variation(deciles(pair)),
    categorical: variation,
  },
  ks: { statistic: 'largest gap of the distribution functions', numeric: (pair) => kolmogorovSmirnov(pair) },
  'cramer-von-mises': { statistic: 'Cramér–von Mises T', numeric: (pair) => cramerVonMises(pair) },
  'anderson-darling': {
    statistic: 'Anderson–Darling, standardised',
    numeric: ({ reference, current }) => andersonDarling([reference, current]),
  },
  'mann-whitney': { statistic: 'Mann–Whitney U of the reference', numeric: (pair) => mannWhitney(pair) },
  welch: { statistic: "Welch's t", numeric: (pair) => welch(pair) },
  wasserstein: { statistic: 'Wasserstein distance', numeric: (pair) => measure(wassersteinDistance(pair)) },
  'wasserstein-normed': {
    statistic: "Wasserstein distance, in the reference's standard deviations",
    numeric: (pair) => measure(normedWassersteinDistance(pair)),
  },
  energy: { statistic: 'energy distance', numeric: (pair) => measure(energyDistance(pair)) },
  mmd: {
    statistic: 'squared maximum mean discrepancy',
    numeric: ({ reference, current }) => {
      const { biased, pValue } = mmdTest(columnOf(reference.values), columnOf(current.values));
      return { statistic: biased, pValue };
    },
  },
  'chi-square': {
    statistic: "Pearson's chi-square",
    categorical: ({ reference, current }) => chiSquareTest(reference, current),
  },
  g: { statistic: 'G, the likelihood ratio', categorical: ({ reference, current }) => gTest(reference, current) },
  'cramers-v': {
    statistic: "Cramér's V",
    categorical: ({ reference, current }) => measure(cramersV(reference, current)),
  },
  fisher: {
    statistic: 'odds ratio',
    categorical: (pair) => {
      const [a, b, c, d] = twoByTwo('fisher', pair);
      const { oddsRatio, pValue } = fisherExact([
        [a, b],
        [c, d],
      ]);
      // One level alone has no odds; they do not differ.
      return { statistic: oddsRatio ?? 1, pValue };
    },
  },
  'two-proportions': {
    statistic: 'z',
    categorical: (pair) => {
      const [a, b, c, d] = twoByTwo('two-proportions', pair);
      return twoProportions([b, d], [a + b, c + d]);
    },
  },
} satisfies Record<string, TwoSampleTest>;

export type TwoSampleTestName = keyof typeof twoSampleTests;

/**
 * A test by name, for callers whose settings are data.
 *
 * @throws RangeError if there is no such test
 */
export function twoSampleTest(name: string): TwoSampleTest {
  const names = Object.keys(twoSampleTests);
  requireOption(Object.hasOwn(twoSampleTests, name), `a two-sample test is one of ${names.join(', ')}`, name);
  return twoSampleTests[name as TwoSampleTestName];
}

function measure(statistic: number): TwoSampleResult {
  return { statistic, pValue: null };
}

/** Counts between the reference's deciles; a constant reference has two bins of its own, so that what differs from it is seen. */
function deciles(pair: NumericPair): Counts {
  const edges = sortedQuantileEdges(pair.reference.values, 10);
  if (edges.length > 1) return between(edges, pair);
  return between([-Infinity, edges[0]!, nextAbove(edges[0]!), Infinity], pair);
}

function between(edges: readonly number[], pair: NumericPair): Counts {
  return { reference: countBetween(edges, pair.reference.values), current: countBetween(edges, pair.current.values) };
}

function nextAbove(value: number): number {
  return value + Math.max(Math.abs(value) * Number.EPSILON, Number.MIN_VALUE);
}

/** Rows of one value each: at most 250, evenly spread over the sorted values, so that the distribution is kept. */
function columnOf(values: Float64Array): number[][] {
  return evenlySpread(values.length, 250).map((i) => [values[i]!]);
}

function twoByTwo(name: string, { levels, reference, current }: LevelPair): [number, number, number, number] {
  requireOption(levels.length <= 2, `${name} compares two levels`, levels.length);
  return [reference[0]!, reference[1] ?? 0, current[0]!, current[1] ?? 0];
}
