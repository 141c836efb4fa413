import { count, number, table } from '../output.js';
import type { ColumnComparison, Comparison } from './judge-columns.js';
import { percent } from './judge.js';

/** A comparison as a person reads it in a terminal. */
export function comparisonText(comparison: Comparison): string {
  const rows = comparison.columns.map((column) => [
    column.column,
    column.kind,
    column.verdict,
    column.psi === null ? '-' : column.psi.toFixed(3),
    pValueText(column.pValue),
    otherTests(column),
    missingText(column),
    column.reason,
  ]);
  const head = ['column', 'kind', 'verdict', 'psi', 'p', 'tests', 'missing', 'why'];
  return `${table(head, rows, { right: [3, 4], wrap: { 7: 60 } })}\n${conclusion(comparison)}\n`;
}

/** The verdict in a sentence or three. */
export function conclusion(comparison: Comparison): string {
  const { columns, drifted, alpha, correction, onlyReference, onlyCurrent } = comparison;
  const compared = columns.filter(({ verdict }) => verdict !== 'skipped').length;
  const by = correction === 'none' ? 'uncorrected' : `corrected for all tests by ${CORRECTIONS[correction]}`;
  const only = (names: string[], side: string) =>
    names.length === 0 ? [] : [`Only in the ${side} file: ${names.join(', ')}.`];
  return [
    `${drifted} of ${compared} compared columns drifted (PSI at least 0.1, and p at most ${alpha}, ${by}).`,
    togetherText(comparison),
    ...only(onlyReference, 'reference'),
    ...only(onlyCurrent, 'current'),
  ].join('\n');
}

/** The verdict on whole rows, and from how many. */
function togetherText({ together, reference, current }: Comparison): string {
  const { verdict, reason, rows } = together;
  if (verdict === 'skipped') return `The columns together were not compared: ${reason}.`;
  const of = (sampled: number, all: number) =>
    sampled === all ? `all ${count(all)}` : `${count(sampled)} of ${count(all)}`;
  const from = `${of(rows.reference, reference.rows)} and ${of(rows.current, current.rows)} rows`;
  return `All columns together: ${verdict}, ${reason}. From ${from}.`;
}

const CORRECTIONS = { holm: 'Holm', bonferroni: 'Bonferroni', 'benjamini-hochberg': 'Benjamini and Hochberg' } as const;

export function pValueText(p: number | null): string {
  if (p === null) return '-';
  if (p < 1e-16) return '<1e-16';
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3);
}

function otherTests({ tests }: ColumnComparison): string {
  return tests
    .filter(({ test }) => test !== 'psi')
    .map(({ test, statistic }) => `${test} ${number(statistic)}`)
    .join(', ');
}

function missingText({ missing: { reference, current } }: ColumnComparison): string {
  return reference === 0 && current === 0 ? '-' : `${percent(reference)} to ${percent(current)}`;
}
