import {
  andersonDarling,
  benjaminiHochberg,
  benjaminiYekutieli,
  bonferroni,
  chiSquareAgainst,
  chiSquareTest,
  countBetween,
  cramersV,
  cramerVonMises,
  distinctSturgesEdges,
  energyDistance,
  equalWidthEdges,
  fisherExact,
  gTest,
  hellingerDistance,
  hochberg,
  holm,
  jensenShannonDistance,
  jensenShannonDivergence,
  klDivergence,
  kolmogorovLimit,
  kolmogorovSmirnov,
  levelCounts,
  levelPair,
  mannWhitney,
  maximumMeanDiscrepancy,
  normedWassersteinDistance,
  NumericPair,
  plainKlDivergence,
  psi,
  quantileEdges,
  sharesOf,
  sidak,
  streamOf,
  totalVariation,
  twoProportions,
  wassersteinDistance,
  welch,
  type LevelPair,
  type StreamRecipe,
} from '@gyre/drift';
import { expectLeaves, type Claim, type GoldenCase, type Tolerance } from './vectors.js';

type Sample = { stream: StreamRecipe } | { values: number[] };
type Counts = Pick<LevelPair, 'reference' | 'current'>;
type Numbers = Record<string, unknown>;

/** The header's: 1e-9 relative; p-values below 1e-12 to 1e-6, those of Kolmogorov and Smirnov to 1e-8. */
function tolerance(path: string, expected: unknown): Tolerance {
  const isP = /p_value|p_asymptotic|p_exact|chisquare_p|fisher_exact_/.test(path);
  if (isP && typeof expected === 'number' && expected < 1e-12) return { relative: 1e-6, absolute: 0 };
  return { relative: path.startsWith('ks_') ? 1e-8 : 1e-9, absolute: 1e-12 };
}

/** Two samples of numbers: scipy's tests, and Evidently's measures over its own bins. */
const numeric: Claim = {
  claims: ({ kind, expected }) => kind === 'numeric' && expected !== undefined,
  check(golden) {
    const { ref, cur, expected } = golden as GoldenCase & { ref: Sample; cur: Sample; expected: Numbers };
    const pair = NumericPair.of(valuesOf(ref), valuesOf(cur));
    const ours = (path: string): unknown => {
      const [group = '', ...rest] = path.split('.');
      const given = expected[group] as Numbers;
      const name = rest.join('.');
      switch (group) {
        case 'ks_asymptotic':
          return named(kolmogorovSmirnov(pair, 'asymptotic'), { statistic: 'statistic', p_value: 'pValue' })[name];
        case 'ks_exact':
          return named(kolmogorovSmirnov(pair, 'exact'), { statistic: 'statistic', p_value: 'pValue' })[name];
        case 'ks_limit_p_value':
          return limitPValue(pair);
        case 'ks_sign':
          return kolmogorovSmirnov(pair).sign;
        case 'ks_location':
          return kolmogorovSmirnov(pair).location;
        case 'wasserstein':
          return wassersteinDistance(pair);
        case 'wasserstein_over_ref_std':
          return normedWassersteinDistance(pair);
        case 'energy_distance':
          return energyDistance(pair);
        case 'cramer_von_mises':
          return cramerOf(pair)[name]?.();
        case 'anderson_ksamp':
          return andersonOf(pair)[name]?.();
        case 'mann_whitney':
          return mannOf(pair)[name]?.();
        case 'welch_t':
          return named(welch(pair), { statistic: 'statistic', p_value: 'pValue' })[name];
        case 'binned_fixed_10':
          return binned(equalWidthEdges(pair, 10), pair, given)[name]?.();
        case 'binned_ref_deciles':
          return binned(quantileEdges(pair.reference.values, 10), pair, given)[name]?.();
        case 'evidently':
          return evidently(pair)[name]?.();
      }
      return undefined;
    };
    expectLeaves(expected, ours, tolerance, (path) => path.endsWith('.eps'));
  },
};

/** Two samples of levels. */
const categorical: Claim = {
  claims: ({ kind, expected }) => kind === 'categorical' && expected !== undefined,
  check(golden) {
    const { ref_counts, cur_counts, expected } = golden as GoldenCase & {
      ref_counts: Record<string, number>;
      cur_counts: Record<string, number>;
      expected: Numbers;
    };
    const pair = levelPair({ levels: Object.entries(ref_counts) }, { levels: Object.entries(cur_counts) });
    expect(levelPair(rowsCounted(ref_counts), rowsCounted(cur_counts))).toEqual(pair);
    const { reference, current } = pair;
    const contingency = chiSquareTest(reference, current);
    const table = () => {
      const [a, b, c, d] = [reference[0]!, reference[1] ?? 0, current[0]!, current[1] ?? 0];
      return [
        [a, b],
        [c, d],
      ] as const;
    };
    const fisher = () => fisherExact(table());
    const yates = () => chiSquareTest(reference, current, true);
    const proportions = () => {
      const [[a, b], [c, d]] = table();
      return twoProportions([b, d], [a + b, c + d]);
    };
    const ours: Record<string, () => unknown> = {
      levels: () => pair.levels,
      new_levels: () => pair.newLevels,
      vanished_levels: () => pair.vanishedLevels,
      ...divergences(pair, expected),
      'chi2_contingency.statistic': () => contingency.statistic,
      'chi2_contingency.dof': () => contingency.degreesOfFreedom,
      'chi2_contingency.p_value': () => contingency.pValue,
      'chi2_contingency.expected_min': () => contingency.expectedMin,
      'chi2_yates.statistic': () => yates().statistic,
      'chi2_yates.p_value': () => yates().pValue,
      'g_test_contingency.statistic': () => gTest(reference, current).statistic,
      'g_test_contingency.dof': () => gTest(reference, current).degreesOfFreedom,
      'g_test_contingency.p_value': () => gTest(reference, current).pValue,
      cramers_v: () => cramersV(reference, current),
      'fisher_exact_two_sided.table': table,
      'fisher_exact_two_sided.odds_ratio': () => fisher().oddsRatio,
      'fisher_exact_two_sided.p_value': () => fisher().pValue,
      fisher_exact_less: () => fisher().less,
      fisher_exact_greater: () => fisher().greater,
      'two_proportion_z.z': () => proportions().statistic,
      'two_proportion_z.p_value': () => proportions().pValue,
      'two_proportion_z.counted_level': () => pair.levels[1],
      'evidently.chisquare_statistic': () => chiSquareAgainst(reference, current).statistic,
      'evidently.chisquare_p': () => chiSquareAgainst(reference, current).pValue,
      ...prefixed('evidently.', evidentlyOf(pair)),
    };
    expectLeaves(
      expected,
      (path) => ours[path]?.(),
      tolerance,
      (path) => path === 'eps',
    );
  },
};

const mmd: Claim = {
  claims: ({ kind, expected }) => kind === 'mmd_rbf' && expected !== undefined,
  check(golden) {
    const { x, y, expected } = golden as GoldenCase & { x: number[][]; y: number[][]; expected: Numbers };
    const given = (expected['given_sigma'] as { sigma: number } | undefined)?.sigma;
    const withGiven = maximumMeanDiscrepancy(x, y, given);
    const withMedian = maximumMeanDiscrepancy(x, y);
    const ours: Record<string, () => unknown> = {
      ...prefixed('given_sigma.', mmdNumbers(withGiven)),
      ...prefixed('median_heuristic.', mmdNumbers(withMedian)),
      evidently_mmd: () => maximumMeanDiscrepancy(x, y, evidentlySigma(x)).unbiased,
    };
    expectLeaves(expected, (path) => ours[path]?.(), tolerance);
  },
};

const corrections: Claim = {
  claims: ({ kind, expected }) => kind === 'p_value_correction' && expected !== undefined,
  check(golden) {
    const { p_values, expected } = golden as GoldenCase & { p_values: number[]; expected: Numbers };
    const methods: Record<string, (pValues: readonly number[]) => number[]> = {
      bonferroni,
      holm,
      hochberg,
      sidak,
      benjamini_hochberg: benjaminiHochberg,
      benjamini_yekutieli: benjaminiYekutieli,
    };
    const ours = (path: string): unknown => {
      const [method = '', what] = path.split('.');
      const adjusted = methods[method]?.(p_values);
      return what === 'reject' ? adjusted?.map((p) => p <= (expected['alpha'] as number)) : adjusted;
    };
    expectLeaves(expected, ours, tolerance, (path) => path === 'alpha');
  },
};

export const twoSampleCases: Claim[] = [numeric, categorical, mmd, corrections];

function valuesOf(sample: Sample): number[] {
  return 'values' in sample ? sample.values : streamOf(sample.stream);
}

function named(result: object, names: Record<string, string>): Numbers {
  return Object.fromEntries(Object.entries(names).map(([theirs, own]) => [theirs, (result as Numbers)[own]]));
}

function limitPValue(pair: NumericPair): number {
  const [n, m] = [pair.reference.values.length, pair.current.values.length];
  return kolmogorovLimit(Math.sqrt((n * m) / (n + m)) * kolmogorovSmirnov(pair).statistic);
}

function cramerOf(pair: NumericPair): Record<string, () => unknown> {
  return {
    statistic: () => cramerVonMises(pair).statistic,
    p_asymptotic: () => cramerVonMises(pair, 'asymptotic').pValue,
    p_exact: () => cramerVonMises(pair, 'exact').pValue,
  };
}

function mannOf(pair: NumericPair): Record<string, () => unknown> {
  return {
    u1: () => mannWhitney(pair).statistic,
    p_asymptotic_continuity: () => mannWhitney(pair, 'asymptotic').pValue,
    p_exact: () => mannWhitney(pair, 'exact').pValue,
  };
}

function andersonOf({ reference, current }: NumericPair): Record<string, () => unknown> {
  const test = (ties: 'midrank' | 'right' = 'midrank') => andersonDarling([reference, current], ties);
  return {
    statistic_midrank: () => test().statistic,
    statistic_right: () => test('right').statistic,
    critical_values: () => test().criticalValues,
    'p_value_clipped_0.001_0.25': () => test().pValue,
    error: () => {
      expect(() => test()).toThrow(RangeError);
      return 'anderson_ksamp needs more than one distinct observation';
    },
  };
}

function countsBetween(edges: readonly number[], { reference, current }: NumericPair): Counts {
  return { reference: countBetween(edges, reference.values), current: countBetween(edges, current.values) };
}

function binned(edges: readonly number[], pair: NumericPair, given: Numbers): Record<string, () => unknown> {
  const counts = countsBetween(edges, pair);
  return {
    edges: () => edges,
    ref_counts: () => counts.reference,
    cur_counts: () => counts.current,
    ...divergences(counts, given),
  };
}

function divergences({ reference, current }: Counts, { eps }: Numbers): Record<string, () => unknown> {
  const forZero = eps as number | undefined;
  return {
    psi_zeros_to_eps: () => psi(reference, current, forZero),
    kl_ref_cur_zeros_to_eps_renormalised: () => klDivergence(reference, current, forZero),
    kl_cur_ref_zeros_to_eps_renormalised: () => klDivergence(current, reference, forZero),
    kl_ref_cur_plain: () => plainKlDivergence(reference, current),
    js_distance_base_e: () => jensenShannonDistance(reference, current),
    js_divergence_base_e: () => jensenShannonDivergence(reference, current),
    js_distance_base_2: () => jensenShannonDistance(reference, current, 2),
    js_divergence_base_2: () => jensenShannonDivergence(reference, current, 2),
    hellinger: () => hellingerDistance(reference, current),
    total_variation: () => totalVariation(reference, current),
  };
}

/** Evidently's bins are Sturges' over both samples, or the distinct values of both when the reference has at most 20. */
function evidently(pair: NumericPair): Record<string, () => unknown> {
  const few = new Set(pair.reference.values).size <= 20;
  const edges = equalWidthEdges(pair, 'sturges');
  const counts = few ? countsOfValues(pair) : countsBetween(edges, pair);
  return {
    binning: () => (few ? 'unique_values' : 'sturges'),
    edges: () => edges,
    ref_share: () => sharesOf(counts.reference),
    cur_share: () => sharesOf(counts.current),
    ...evidentlyOf(counts),
    hellinger: () => {
      const overDistinct = countsBetween(distinctSturgesEdges(pair), pair);
      return hellingerDistance(overDistinct.reference, overDistinct.current);
    },
  };
}

function evidentlyOf({ reference, current }: Counts): Record<string, () => unknown> {
  return {
    psi: () => psi(reference, current),
    kl_div: () => klDivergence(reference, current),
    jensenshannon_distance: () => jensenShannonDistance(reference, current),
    hellinger: () => hellingerDistance(reference, current),
  };
}

function countsOfValues({ reference, current }: NumericPair): Counts {
  return levelPair(levelCounts(reference.values), levelCounts(current.values));
}

/** The same counts from the rows themselves, one by one. */
function rowsCounted(counts: Record<string, number>): ReturnType<typeof levelCounts> {
  return levelCounts(Object.entries(counts).flatMap(([level, count]) => Array.from({ length: count }, () => level)));
}

function mmdNumbers(result: { sigma: number; biased: number; unbiased: number }): Record<string, () => unknown> {
  return { sigma: () => result.sigma, mmd2_biased: () => result.biased, mmd2_unbiased: () => result.unbiased };
}

/** Root of half the median squared distance within the reference, its zero diagonal included, of the nearest rank. */
function evidentlySigma(rows: number[][]): number {
  const squares = rows
    .flatMap((a) => rows.map((b) => a.reduce((sum, value, f) => sum + (value - b[f]!) ** 2, 0)))
    .sort((a, b) => a - b);
  return Math.sqrt(0.5 * squares[Math.round((squares.length - 1) / 2)]!);
}

function prefixed(prefix: string, entries: Record<string, () => unknown>): Record<string, () => unknown> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));
}
