import { domainClassifier, type DomainClassifierOptions, type DomainDrift, type TrainClassifier } from '@gyre/drift';
import { fit, predict } from '@gyre/learning';

/** Few and small trees: enough to see a change, quick to train at every look. */
const trees = { kind: 'trees', task: 'binary', rounds: 30, maxLeaves: 8, minLeafRows: 10 } as const;

/**
 * Whether current rows can be told from reference rows by boosted trees, and which features give them away.
 *
 * @param reference and @param current row-major of shape [rows, width]; NaN is missing, all else finite
 * @throws RangeError unless each side has at least 4 rows of the width
 */
export function domainDrift(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  width: number,
  options?: DomainClassifierOptions,
): DomainDrift {
  const train: TrainClassifier = (features, labels, rows) => {
    const model = fit(trees, { features, labels, rows, width }, undefined, 1);
    return (tested, count) => predict(model, tested, count).filter((_, i) => i % 2 === 1);
  };
  return domainClassifier(reference, current, width, train, options);
}
