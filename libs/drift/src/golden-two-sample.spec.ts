import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benjaminiHochberg, bonferroni, holm } from './multiple-testing.js';
import { psi } from './psi.js';
import { countInBins, quantileEdges } from './reference-bins.js';
import { streamOf, type StreamRecipe } from './stream-recipe.js';

/** Numbers of scipy, Evidently and statsmodels, made by them. The file's header says which and how. */
const here = fileURLToPath(new URL('../testdata/golden/', import.meta.url));
const elsewhere = process.env['GYRE_GOLDEN_DIR'];

type Sample = { stream: StreamRecipe } | { values: number[] };
type Counts = Record<string, number>;
interface Binned {
  edges: number[];
  ref_counts: number[];
  cur_counts: number[];
}
interface Case {
  id: string;
  kind: string;
  ref: Sample;
  cur: Sample;
  ref_counts: Counts;
  cur_counts: Counts;
  p_values: number[];
  expected: Record<string, unknown>;
}

/** For each expected number that we claim, by its path in the file: what we make of the case. */
const claims: Record<string, (one: Case) => unknown> = {
  'numeric.binned_fixed_10.ref_counts': (one) => countInBins(inner(one, 'binned_fixed_10'), valuesOf(one.ref)),
  'numeric.binned_fixed_10.cur_counts': (one) => countInBins(inner(one, 'binned_fixed_10'), valuesOf(one.cur)),
  'numeric.binned_fixed_10.psi_zeros_to_eps': (one) => psiOver(inner(one, 'binned_fixed_10'), one),
  'numeric.binned_ref_deciles.edges': (one) => quantileEdges(valuesOf(one.ref), 10),
  'numeric.binned_ref_deciles.ref_counts': (one) => countInBins(deciles(one), valuesOf(one.ref)),
  'numeric.binned_ref_deciles.cur_counts': (one) => countInBins(deciles(one), valuesOf(one.cur)),
  'numeric.binned_ref_deciles.psi_zeros_to_eps': (one) => psiOver(deciles(one), one),
  'numeric.evidently.psi': (one) =>
    (one.expected['evidently'] as { binning: string }).binning === 'sturges'
      ? psiOver(inner(one, 'evidently'), one)
      : psiOfLevels(tally(valuesOf(one.ref)), tally(valuesOf(one.cur))),
  'categorical.psi_zeros_to_eps': (one) => psiOfLevels(one.ref_counts, one.cur_counts),
  'categorical.evidently.psi': (one) => psiOfLevels(one.ref_counts, one.cur_counts),
  'p_value_correction.bonferroni.adjusted': (one) => bonferroni(one.p_values),
  'p_value_correction.holm.adjusted': (one) => holm(one.p_values),
  'p_value_correction.benjamini_hochberg.adjusted': (one) => benjaminiHochberg(one.p_values),
  'p_value_correction.bonferroni.reject': (one) => rejected(bonferroni(one.p_values), one),
  'p_value_correction.holm.reject': (one) => rejected(holm(one.p_values), one),
  'p_value_correction.benjamini_hochberg.reject': (one) => rejected(benjaminiHochberg(one.p_values), one),
};

/** What the file expects and nothing here claims yet. A measure that is added takes its line away. */
const notYetClaimed = [
  'categorical.chi2_contingency.dof',
  'categorical.chi2_contingency.expected_min',
  'categorical.chi2_contingency.p_value',
  'categorical.chi2_contingency.statistic',
  'categorical.chi2_yates.p_value',
  'categorical.chi2_yates.statistic',
  'categorical.cramers_v',
  'categorical.eps',
  'categorical.evidently.chisquare_p',
  'categorical.evidently.chisquare_statistic',
  'categorical.evidently.hellinger',
  'categorical.evidently.jensenshannon_distance',
  'categorical.evidently.kl_div',
  'categorical.fisher_exact_greater',
  'categorical.fisher_exact_less',
  'categorical.fisher_exact_two_sided.odds_ratio',
  'categorical.fisher_exact_two_sided.p_value',
  'categorical.fisher_exact_two_sided.table',
  'categorical.g_test_contingency.dof',
  'categorical.g_test_contingency.p_value',
  'categorical.g_test_contingency.statistic',
  'categorical.hellinger',
  'categorical.js_distance_base_2',
  'categorical.js_distance_base_e',
  'categorical.js_divergence_base_2',
  'categorical.js_divergence_base_e',
  'categorical.kl_cur_ref_zeros_to_eps_renormalised',
  'categorical.kl_ref_cur_plain',
  'categorical.kl_ref_cur_zeros_to_eps_renormalised',
  'categorical.levels',
  'categorical.new_levels',
  'categorical.total_variation',
  'categorical.two_proportion_z.counted_level',
  'categorical.two_proportion_z.p_value',
  'categorical.two_proportion_z.z',
  'categorical.vanished_levels',
  'mmd_rbf.evidently_mmd',
  'mmd_rbf.given_sigma.mmd2_biased',
  'mmd_rbf.given_sigma.mmd2_unbiased',
  'mmd_rbf.given_sigma.sigma',
  'mmd_rbf.median_heuristic.mmd2_biased',
  'mmd_rbf.median_heuristic.mmd2_unbiased',
  'mmd_rbf.median_heuristic.sigma',
  'numeric.anderson_ksamp.critical_values',
  'numeric.anderson_ksamp.error',
  'numeric.anderson_ksamp.p_value_clipped_0.001_0.25',
  'numeric.anderson_ksamp.statistic_midrank',
  'numeric.anderson_ksamp.statistic_right',
  'numeric.binned_fixed_10.edges',
  'numeric.binned_fixed_10.eps',
  'numeric.binned_fixed_10.hellinger',
  'numeric.binned_fixed_10.js_distance_base_2',
  'numeric.binned_fixed_10.js_distance_base_e',
  'numeric.binned_fixed_10.js_divergence_base_2',
  'numeric.binned_fixed_10.js_divergence_base_e',
  'numeric.binned_fixed_10.kl_cur_ref_zeros_to_eps_renormalised',
  'numeric.binned_fixed_10.kl_ref_cur_plain',
  'numeric.binned_fixed_10.kl_ref_cur_zeros_to_eps_renormalised',
  'numeric.binned_fixed_10.total_variation',
  'numeric.binned_ref_deciles.eps',
  'numeric.binned_ref_deciles.hellinger',
  'numeric.binned_ref_deciles.js_distance_base_2',
  'numeric.binned_ref_deciles.js_distance_base_e',
  'numeric.binned_ref_deciles.js_divergence_base_2',
  'numeric.binned_ref_deciles.js_divergence_base_e',
  'numeric.binned_ref_deciles.kl_cur_ref_zeros_to_eps_renormalised',
  'numeric.binned_ref_deciles.kl_ref_cur_plain',
  'numeric.binned_ref_deciles.kl_ref_cur_zeros_to_eps_renormalised',
  'numeric.binned_ref_deciles.total_variation',
  'numeric.cramer_von_mises.p_asymptotic',
  'numeric.cramer_von_mises.p_exact',
  'numeric.cramer_von_mises.statistic',
  'numeric.energy_distance',
  'numeric.evidently.binning',
  'numeric.evidently.cur_share',
  'numeric.evidently.edges',
  'numeric.evidently.hellinger',
  'numeric.evidently.jensenshannon_distance',
  'numeric.evidently.kl_div',
  'numeric.evidently.ref_share',
  'numeric.ks_asymptotic.p_value',
  'numeric.ks_asymptotic.statistic',
  'numeric.ks_exact.p_value',
  'numeric.ks_exact.statistic',
  'numeric.ks_limit_p_value',
  'numeric.ks_location',
  'numeric.ks_sign',
  'numeric.mann_whitney.p_asymptotic_continuity',
  'numeric.mann_whitney.p_exact',
  'numeric.mann_whitney.u1',
  'numeric.wasserstein',
  'numeric.wasserstein_over_ref_std',
  'numeric.welch_t.p_value',
  'numeric.welch_t.statistic',
  'p_value_correction.alpha',
  'p_value_correction.benjamini_yekutieli.adjusted',
  'p_value_correction.benjamini_yekutieli.reject',
  'p_value_correction.hochberg.adjusted',
  'p_value_correction.hochberg.reject',
  'p_value_correction.sidak.adjusted',
  'p_value_correction.sidak.reject',
];

describe.each([here, ...(elsewhere === undefined ? [] : [elsewhere])])(
  'golden vectors of scipy and Evidently in %s',
  (dir) => {
    const path = join(dir, 'two_sample.json');
    const cases = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }).cases : [];

    it('claims every expected number or lists it as not yet claimed', () => {
      const left = new Set(cases.flatMap((one) => leaves(one.kind, one.expected)).filter((leaf) => !(leaf in claims)));
      const known = new Set(notYetClaimed);
      expect([...left].filter((leaf) => !known.has(leaf))).toEqual([]);
      if (dir === here) expect(notYetClaimed.filter((leaf) => !left.has(leaf))).toEqual([]);
    });

    it.each(cases.filter((one) => claimsOf(one).length > 0))('agrees on $kind: $id', (one) => {
      for (const leaf of claimsOf(one)) {
        const [, ...keys] = leaf.split('.');
        const expected = keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], one.expected);
        const ours = claims[leaf]!(one);
        for (const [got, wanted] of zip(ours, expected)) {
          if (typeof wanted !== 'number') expect(got).toBe(wanted);
          else if (!(Math.abs((got as number) - wanted) <= 1e-9 * Math.abs(wanted) + 1e-12)) {
            throw new Error(`${leaf} is ${String(got)}, not ${wanted}`);
          }
        }
      }
    });
  },
);

function claimsOf(one: Case): string[] {
  return leaves(one.kind, one.expected).filter((leaf) => leaf in claims);
}

/** Paths of all that is expected; what is an error, a convention or an input of the case is a leaf too. */
function leaves(path: string, value: unknown): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, child]) => leaves(`${path}.${key}`, child));
}

function zip(ours: unknown, theirs: unknown): [unknown, unknown][] {
  if (!Array.isArray(theirs)) return [[ours, theirs]];
  expect(ours).toHaveLength(theirs.length);
  return theirs.map((value, i) => [(ours as unknown[])[i], value]);
}

function valuesOf(sample: Sample): number[] {
  return 'values' in sample ? sample.values : streamOf(sample.stream);
}

/** The file's edges without the outer two: ours are open at both ends. */
function inner(one: Case, measure: string): number[] {
  return (one.expected[measure] as Binned).edges.slice(1, -1);
}

function deciles(one: Case): number[] {
  return quantileEdges(valuesOf(one.ref), 10).slice(1, -1);
}

function psiOver(edges: number[], one: Case): number {
  return psi(countInBins(edges, valuesOf(one.ref)), countInBins(edges, valuesOf(one.cur)));
}

function psiOfLevels(reference: Counts, current: Counts): number {
  const levels = [...new Set([...Object.keys(reference), ...Object.keys(current)])];
  const counts = (side: Counts) => levels.map((level) => side[level] ?? 0);
  return psi(counts(reference), counts(current));
}

function tally(values: number[]): Counts {
  const counts: Counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

function rejected(adjusted: number[], one: Case): boolean[] {
  return adjusted.map((p) => p <= (one.expected['alpha'] as number));
}
