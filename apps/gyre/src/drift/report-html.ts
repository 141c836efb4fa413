import { count, number } from '../output.js';
import type { ColumnComparison, Comparison } from './judge-columns.js';
import type { Together } from './together.js';
import { conclusion, pValueText } from './comparison-text.js';
import { percent, type Verdict } from './judge.js';
import { escaped, plot } from './report-plot.js';
import { STYLE } from './report-style.js';

/** Columns listed by what hangs on them. */
const IMPORTANCES_MAX = 10;
const WORDS: Readonly<Record<Verdict, string>> = {
  drift: 'drift',
  missing: 'missing values',
  slight: 'slight',
  same: 'same',
  skipped: 'not compared',
};

/** A comparison as one HTML document that needs nothing else: no script, no font, no picture from elsewhere. */
export function reportHtml(comparison: Comparison): string {
  const { reference, current, columns } = comparison;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift: ${escaped(current.file)} against ${escaped(reference.file)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title(comparison)}</h1>
<p class="files"><span class="key reference"></span> reference: <b>${escaped(reference.file)}</b>, ${rows(reference.rows)}
<span class="key current"></span> current: <b>${escaped(current.file)}</b>, ${rows(current.rows)}</p>
<p>${escaped(conclusion(comparison)).replaceAll('\n', '<br>')}</p>
</header>
${overview(columns)}
<main>
${togetherCard(comparison.together)}
${columns.map(card).join('\n')}
</main>
<footer><p>PSI: population stability index over the reference's deciles, or over the values where they are few; from 0.1 a change counts, from 0.25 it is large.
Rows without a value take no part in the tests; how many there are is compared by itself. p-values are corrected for all tests of all columns; those of the columns together by themselves.</p></footer>
</body>
</html>
`;
}

function title({ drifted, columns, together }: Comparison): string {
  if (drifted > 0) return `${drifted} of ${comparedOf(columns)} columns drifted`;
  return together.verdict === 'drift' ? 'No column drifted by itself, but the columns together did' : 'No drift';
}

/** The columns together: both measures, and how much of the ROC AUC hangs on each column. */
function togetherCard({ verdict, reason, classifier, reconstruction }: Together): string {
  const measured: [string, string, number, number][] = [];
  if (classifier !== null)
    measured.push([
      'ROC AUC of a domain classifier',
      number(classifier.rocAuc),
      classifier.pValue,
      classifier.corrected,
    ]);
  if (reconstruction !== null) {
    const { referenceError, currentError, pValue, corrected } = reconstruction;
    const errors = `${number(referenceError)} to ${number(currentError)}`;
    measured.push([
      `error of reconstruction from ${reconstruction.components} principal components`,
      errors,
      pValue,
      corrected,
    ]);
  }
  const lines = measured.map(
    ([what, size, p, corrected]) =>
      `<tr><td>${what}</td><td class="n">${size}</td><td class="n">${pValueText(p)}</td><td class="n">${pValueText(corrected)}</td></tr>`,
  );
  const importance = (classifier?.importance ?? []).slice(0, IMPORTANCES_MAX).map(({ column, lost }) => {
    const width = Math.min(100, Math.max(0, 200 * lost)).toFixed(1);
    return `<tr><td>${escaped(column)}</td><td class="size"><span class="track"><span class="bar ${verdict}" style="width:${width}%"></span></span>${lost.toFixed(3)}</td></tr>`;
  });
  const tables =
    lines.length === 0
      ? ''
      : `<table><thead><tr><th>measure</th><th class="n">size</th><th class="n">p</th><th class="n">p corrected</th></tr></thead><tbody>${lines.join('')}</tbody></table>
<table><thead><tr><th>column</th><th>ROC AUC that hangs on it</th></tr></thead><tbody>${importance.join('')}</tbody></table>`;
  return `<article id="together">
<h2>All columns together ${badge(verdict)}</h2>
<p>${escaped(reason)}</p>
${tables}
</article>`;
}

function overview(columns: readonly ColumnComparison[]): string {
  const scale = Math.max(0.5, ...columns.map(({ psi }) => psi ?? 0));
  const rows = columns.map(({ column, kind, verdict, psi, pValue, reason }, i) => {
    const bar =
      psi === null ? '' : `<span class="bar ${verdict}" style="width:${((100 * psi) / scale).toFixed(1)}%"></span>`;
    return `<tr><td><a href="#c${i}">${escaped(column)}</a></td><td>${kind}</td><td>${badge(verdict)}</td>
<td class="size"><span class="track">${bar}</span>${psi === null ? '–' : psi.toFixed(3)}</td><td class="n">${pValueText(pValue)}</td><td>${escaped(reason)}</td></tr>`;
  });
  return `<section class="wide"><table><thead><tr><th>column</th><th>kind</th><th>verdict</th><th>PSI</th><th class="n">p</th><th>why</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></section>`;
}

function card(column: ColumnComparison, i: number): string {
  const { histogram, tests, undefinedTests } = column;
  const lines = tests.map(
    ({ test, statistic, pValue, corrected }) =>
      `<tr><td>${test}</td><td class="n">${number(statistic)}</td><td class="n">${pValueText(pValue)}</td><td class="n">${pValueText(corrected)}</td></tr>`,
  );
  const refused = undefinedTests.map(
    ({ test, why }) => `<tr><td>${test}</td><td colspan="3" class="quiet">not defined: ${escaped(why)}</td></tr>`,
  );
  const table = `<table><thead><tr><th>test</th><th class="n">statistic</th><th class="n">p</th><th class="n">p corrected</th></tr></thead><tbody>${[...lines, ...refused].join('')}</tbody></table>`;
  return `<article id="c${i}">
<h2>${escaped(column.column)} ${badge(column.verdict)}</h2>
<p>${escaped(column.reason)}</p>
${histogram === null ? '' : plot(histogram, column.column)}
${summary(column)}
${lines.length + refused.length === 0 ? '' : table}
</article>`;
}

function summary({ summary, missing, newLevels, vanishedLevels }: ColumnComparison): string {
  const rows: [string, string, string][] = [];
  if (summary !== null)
    for (const what of ['mean', 'deviation', 'min', 'median', 'max'] as const)
      rows.push([what, number(summary.reference[what]), number(summary.current[what])]);
  if (missing.reference + missing.current > 0)
    rows.push(['missing', percent(missing.reference), percent(missing.current)]);
  const lines = rows.map(
    ([what, before, now]) => `<tr><td>${what}</td><td class="n">${before}</td><td class="n">${now}</td></tr>`,
  );
  const table =
    lines.length === 0
      ? ''
      : `<table><thead><tr><th></th><th class="n">reference</th><th class="n">current</th></tr></thead><tbody>${lines.join('')}</tbody></table>`;
  const levels = [
    ...(newLevels.length === 0 ? [] : [`<p>new: ${newLevels.map(escaped).join(', ')}</p>`]),
    ...(vanishedLevels.length === 0 ? [] : [`<p>gone: ${vanishedLevels.map(escaped).join(', ')}</p>`]),
  ];
  return table + levels.join('');
}

function badge(verdict: Verdict): string {
  return `<span class="badge ${verdict}">${WORDS[verdict]}</span>`;
}

function rows(many: number): string {
  return `${count(many)} ${many === 1 ? 'row' : 'rows'}`;
}

function comparedOf(columns: readonly ColumnComparison[]): number {
  return columns.filter(({ verdict }) => verdict !== 'skipped').length;
}
