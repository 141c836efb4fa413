import type { Cause, FeatureReference } from '@gyre/contracts';
import { domainClassifier, PcaReconstruction, rowsOfBins } from '@gyre/drift';
import { trainDomainTrees } from '@gyre/learning';
import { number } from './findings.js';

/** Rows of a side from which something can be said. */
const ROWS_MIN = 60;
/** A change counts where a current row is told from one of training so often: two normals that lie 0.55 deviations apart … */
const ROC_AUC_MIN = 0.65;
/** … or where the distributions of reconstruction errors lie so far apart. */
const GAP_MIN = 0.2;

/** So many rows of a window are kept: what a look costs is bounded by them. */
export const TOGETHER_ROWS_MAX = 256;

/**
 * Whether the inputs hang together otherwise than in training, though each by itself looks as it did: rows that are reconstructed worse from the principal
 * components of the training rows, or that trees learn to tell from them. Both on the bins of the values, so that no outlier decides.
 *
 * @param takesPart whether an input does: one with faulty values is a matter of quality, and hangs together with the others otherwise for that alone
 * @param before and @param now rows of all inputs, as `binnedRow` writes them
 * @param pMax for both tests together
 */
export function togetherShift(
  inputs: readonly FeatureReference[],
  takesPart: (input: number) => boolean,
  before: string,
  now: string,
  pMax: number,
): Cause[] {
  const reference = inputs.filter((_, f) => takesPart(f));
  const width = reference.length;
  if (width < 2 || Math.min(before.length, now.length) < ROWS_MIN * inputs.length) return [];
  const only = (rows: string) => [...rows].filter((_, i) => takesPart(i % inputs.length)).join('');
  const [training, window] = [rowsOfBins(reference, only(before)), rowsOfBins(reference, only(now))];
  return [...reconstructed(training, window, width, pMax / 2), ...told(reference, training, window, pMax / 2)];
}

function reconstructed(training: Float64Array, window: Float64Array, width: number, pMax: number): Cause[] {
  if (!PcaReconstruction.varies(training, width)) return [];
  const found = PcaReconstruction.fit(training, width).compare(window);
  if (found.pValue > pMax || found.statistic < GAP_MIN) return [];
  const { referenceError: before, currentError: after } = found;
  const words = `the inputs hang together otherwise than in training: the error of reconstructing a row from their principal components went from ${number(before)} to ${number(after)}`;
  return [{ kind: 'together', name: '', words, before, after }];
}

function told(
  reference: readonly FeatureReference[],
  training: Float64Array,
  window: Float64Array,
  pMax: number,
): Cause[] {
  const compare = (importance: boolean) =>
    domainClassifier(training, window, reference.length, trainDomainTrees, { importance });
  const { rocAuc, pValue } = compare(false);
  if (pValue > pMax || rocAuc < ROC_AUC_MIN) return [];
  const { importance } = compare(true);
  const names = importance
    .map((lost, f) => ({ lost, name: reference[f]!.feature }))
    .filter(({ lost }) => lost > 0.01)
    .sort((a, b) => b.lost - a.lost)
    .slice(0, 3)
    .map(({ name }) => name);
  const by = names.length === 0 ? '' : `, most by ${names.join(', ')}`;
  const words = `a classifier tells the rows from those of training (ROC AUC ${rocAuc.toFixed(2)})${by}, though no input by itself moved as much`;
  return [{ kind: 'together', name: '', words, before: 0.5, after: rocAuc }];
}
