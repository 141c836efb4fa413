import { type Dataset, fit, type FittedModel, type TrainerSpec as LearningSpec, rowsOf } from '@gyre/learning';
import { measure, type Measures, predictRows } from './measure.js';
import type { CandidatePlan } from './plan.js';

/** What became of a plan: a model, and what may honestly be said of it. */
export interface TrainedCandidate {
  /** Fitted on `plan.final`: this is what will serve. */
  readonly model: FittedModel;
  /** Boosting rounds that the validation rows chose, or all; null for other trainers. The final model took as many. */
  readonly rounds: number | null;
  /** Of the same trainer fitted on `plan.training` alone, on the holdout, which it has not seen. Nothing is claimed of the final model. */
  readonly metrics: Measures;
  /** Of what always answers the shares of the classes, or the mean, in the rows before the holdout; and, for the record, of the previous label. */
  readonly baseline: Measures;
}

/**
 * Trains a challenger twice: on its window's rows before the holdout, to be measured there; then, with the settings found, on its whole
 * window, so that what serves knows the newest rows.
 *
 * @param data all rows of the training set, in time order
 * @throws RangeError on settings out of range, or data that no trainer can take
 */
export function trainCandidate(data: Dataset, plan: CandidatePlan): TrainedCandidate {
  const { seed, task, classes } = plan;
  const spec: LearningSpec = { ...plan.trainer, task, classes };
  const validation = plan.validation === null ? undefined : rowsOf(data, plan.validation);
  const measured = fit(spec, rowsOf(data, plan.training), validation, seed);
  const rounds = measured.kind === 'trees' ? roundsOf(measured) : null;
  const final = rounds === null ? spec : { ...spec, rounds };
  const { metrics, baseline } = measure(data, plan, (rows) => predictRows(measured, data, rows));
  return { model: fit(final, rowsOf(data, plan.final), undefined, seed), rounds, metrics, baseline };
}

/** A round that found nothing to split left no tree: the rounds are those of the output with the most trees. */
function roundsOf(model: Extract<FittedModel, { kind: 'trees' }>): number {
  const trees = new Int32Array(model.base.length);
  for (const tree of model.trees) trees[tree.output]! += 1;
  return Math.max(...trees);
}
