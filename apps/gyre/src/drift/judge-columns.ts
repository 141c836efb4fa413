import { benjaminiHochberg, bonferroni, holm } from '@gyre/drift';
import type { ColumnDraft } from './compare-column.js';
import { judge, type Verdict } from './judge.js';
import type { Together } from './together.js';

/** How the p-values of all columns are corrected for being many. */
export const corrections = {
  holm,
  bonferroni,
  'benjamini-hochberg': benjaminiHochberg,
  none: (pValues: readonly number[]) => [...pValues],
};
export type Correction = keyof typeof corrections;

/** What counts as drift. */
export interface Rule {
  /** A corrected p-value up to here is no chance. */
  alpha: number;
  correction: Correction;
}

export interface ColumnComparison extends Omit<ColumnDraft, 'identifier' | 'textsAmong' | 'nested'> {
  verdict: Verdict;
  /** In words, with numbers. */
  reason: string;
  /** The smallest corrected p-value of a difference of the values; null without a test. */
  pValue: number | null;
}

export interface Side {
  file: string;
  rows: number;
}

export interface Comparison extends Rule {
  reference: Side;
  current: Side;
  /** Columns whose values drifted. */
  drifted: number;
  /** The drifted ones first, then by the size of the change. */
  columns: ColumnComparison[];
  /** What is to be said of whole rows; it does not count among the drifted columns. */
  together: Together;
  /** Columns that only one of the files has. */
  onlyReference: string[];
  onlyCurrent: string[];
}

/**
 * Says which columns drifted: by a p-value corrected for all tests of all columns, and by the size of the change, for with enough rows every
 * difference is significant.
 */
export function judgeColumns(
  drafts: readonly ColumnDraft[],
  { alpha, correction }: Rule,
): Pick<Comparison, 'alpha' | 'correction' | 'drifted' | 'columns'> {
  const columns = corrected(drafts, correction).map(
    ({ identifier, textsAmong, nested, ...draft }): ColumnComparison => {
      const pValues = draft.tests.flatMap((test) => (test.corrected === null ? [] : [test.corrected]));
      const judged = { ...draft, pValue: pValues.length === 0 ? null : Math.min(...pValues) };
      return { ...judged, ...judge(judged, alpha, { identifier, textsAmong, nested }) };
    },
  );
  const drifted = columns.filter(({ verdict }) => verdict === 'drift').length;
  return {
    alpha,
    correction,
    drifted,
    columns: columns.sort((a, b) => order(a) - order(b) || (b.psi ?? 0) - (a.psi ?? 0)),
  };
}

function order({ verdict }: ColumnComparison): number {
  return ['drift', 'missing', 'slight', 'same', 'skipped'].indexOf(verdict);
}

/** The p-values of all columns corrected as one family, those of the missing shares with them. */
function corrected(drafts: readonly ColumnDraft[], correction: Correction): ColumnDraft[] {
  const family = drafts.flatMap(({ tests, missing }) => [...tests.map(({ pValue }) => pValue), missing.pValue]);
  const left = corrections[correction](family.filter((p) => p !== null)).values();
  const next = (p: number | null) => (p === null ? null : (left.next().value ?? null));
  return drafts.map((draft) => ({
    ...draft,
    tests: draft.tests.map((test) => ({ ...test, corrected: next(test.pValue) })),
    missing: { ...draft.missing, corrected: next(draft.missing.pValue) },
  }));
}
