import type { Cause, PerformanceMeasured } from '@gyre/contracts';
import { chiSquareSurvival, holm } from '@gyre/drift';
import { percent } from './findings.js';

type Fairness = NonNullable<PerformanceMeasured['fairness']>;
type Rates = Fairness[number]['groups'][string];

/** A smaller difference of rates is told with the window's performance, and is no incident. */
const GAP_MIN = 0.1;
/** A group takes part in a comparison with so many rows expected on either side of it: with fewer, chi-square is no measure of chance. */
const EXPECTED_MIN = 5;

interface Share {
  group: string;
  hits: number;
  rows: number;
}

/** The rates that must be alike over groups: of which rows, and how often they are answered 1. */
const RATES: readonly { words: string; of: (rates: Rates) => { hits: number; rows: number } }[] = [
  { words: 'answered 1', of: ({ rows, selectionRate }) => ({ rows, hits: rows * (selectionRate ?? 0) }) },
  {
    words: 'found, of those that are 1,',
    of: ({ rows, baseRate, truePositiveRate }) => {
      const positives = rows * (baseRate ?? 0);
      return { rows: positives, hits: positives * (truePositiveRate ?? 0) };
    },
  },
  {
    words: 'wrongly answered 1, of those that are 0,',
    of: ({ rows, baseRate, falsePositiveRate }) => {
      const negatives = rows * (1 - (baseRate ?? 0));
      return { rows: negatives, hits: negatives * (falsePositiveRate ?? 0) };
    },
  },
];

/**
 * Where a classifier treats declared groups differently, by more than chance gives and by at least a tenth: how often it answers 1 (demographic parity), and that by what is true
 * (equalized odds). The largest gap comes first.
 *
 * @param pMax over all inputs and rates together (Pearson's test of homogeneity, Holm's correction)
 */
export function fairnessGaps(fairness: Fairness, pMax: number): Cause[] {
  const tests = fairness.flatMap(({ feature, groups }) =>
    RATES.map(({ words, of }) => {
      const shares = compared(Object.entries(groups).map(([group, rates]) => ({ group, ...of(rates) })));
      return { feature, words, shares, pValue: homogeneity(shares) };
    }),
  );
  const corrected = holm(tests.map(({ pValue }) => pValue));
  return tests
    .flatMap(({ feature, words, shares }, i): Cause[] => {
      const [most, least] = [shares.at(0), shares.at(-1)];
      if (most === undefined || least === undefined || corrected[i]! > pMax) return [];
      const [high, low] = [most.hits / most.rows, least.hits / least.rows];
      if (high - low < GAP_MIN) return [];
      const told = `rows with ${feature} ${most.group} are ${words} in ${percent(high)}, with ${least.group} in ${percent(low)}`;
      return [{ kind: 'group', name: feature, words: told, before: low, after: high }];
    })
    .sort((a, b) => b.after! - b.before! - (a.after! - a.before!));
}

/** The groups that can be compared, the one with the highest rate first. */
function compared(shares: readonly Share[]): Share[] {
  const rate = shares.reduce((sum, { hits }) => sum + hits, 0) / shares.reduce((sum, { rows }) => sum + rows, 0);
  return shares
    .filter(({ rows }) => rows * Math.min(rate, 1 - rate) >= EXPECTED_MIN)
    .sort((a, b) => b.hits / b.rows - a.hits / a.rows);
}

function homogeneity(shares: readonly Share[]): number {
  if (shares.length < 2) return 1;
  const rate = shares.reduce((sum, { hits }) => sum + hits, 0) / shares.reduce((sum, { rows }) => sum + rows, 0);
  if (rate <= 0 || rate >= 1) return 1;
  const statistic = shares.reduce(
    (sum, { hits, rows }) => sum + (hits - rows * rate) ** 2 / (rows * rate * (1 - rate)),
    0,
  );
  return chiSquareSurvival(statistic, shares.length - 1);
}
