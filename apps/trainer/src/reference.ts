import type { FeatureReference } from '@gyre/contracts';
import { referenceBins } from '@gyre/drift';
import type { Dataset } from '@gyre/learning';

/** How each feature is distributed over all rows of a training set: what drift of the inputs is later measured against. */
export function referencesOf(data: Dataset, features: readonly string[]): FeatureReference[] {
  return features.map((feature, f) => {
    const column = Array.from({ length: data.rows }, (_, row) => data.features[row * data.width + f]!);
    return { feature, ...referenceBins(column) };
  });
}
