import type { FeatureReference, ReferenceRows } from '@gyre/contracts';
import { binnedRow, findSeason, referenceBins } from '@gyre/drift';
import type { Dataset } from '@gyre/learning';

/** Rows that say how the features hang together: enough for a test, little to keep. */
const ROWS_KEPT = 256;
const [HOUR, DAY] = [3_600_000, 86_400_000];
/** What seasons of the world are like, ms. */
const CALENDAR = [HOUR, 6 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY, 365.25 * DAY];

/** How each feature is distributed over all rows of a training set: what drift of the inputs is later measured against. */
export function referencesOf(data: Dataset, features: readonly string[]): FeatureReference[] {
  return features.map((feature, f) => {
    const column = Array.from({ length: data.rows }, (_, row) => data.features[row * data.width + f]!);
    return { feature, ...referenceBins(column) };
  });
}

/** How they hang together: some rows, evenly spread, in the bins of their features; and their season where it is asked for. */
export function togetherOf(
  data: Dataset & { readonly times: ArrayLike<number> },
  references: readonly FeatureReference[],
  isSeasonWanted: boolean,
): ReferenceRows {
  const { rows: all, width, features } = data;
  const kept = Math.min(all, ROWS_KEPT);
  const rows = Array.from({ length: kept }, (_, i) => {
    const row = Math.floor((i * all) / kept);
    return binnedRow(references, features.subarray(row * width, (row + 1) * width));
  }).join('');
  return { rows, period: isSeasonWanted ? periodOf(data) : null };
}

/** The period that the features show, ms: a calendar's, where one is as good as the one found, for else a phase would wander off with the years. */
export function periodOf({
  times,
  features,
  width,
}: Pick<Dataset, 'features' | 'width'> & { readonly times: ArrayLike<number> }): number | null {
  const season = findSeason(times, features, width);
  if (season === null) return null;
  const { period, resolution } = season;
  return CALENDAR.find((known) => Math.abs(known - period) <= resolution / 2) ?? period;
}
