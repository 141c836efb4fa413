import { count, number, table } from '../output.js';
import { harmless } from '../terminal.js';
import type { Reconciliation } from './reconciliation.js';
import type { DriftNote, ReplaySummary } from './summary.js';

const LABELS: Readonly<Record<string, string>> = {
  accuracy: 'accuracy',
  kappa: 'kappa',
  macroF1: 'macro F1',
  logLoss: 'log loss',
  rocAuc: 'ROC AUC',
  prAuc: 'PR AUC',
  mae: 'MAE',
  rmse: 'RMSE',
  r2: 'R²',
};
const DRIFT_SHOWN = 20;
const FAILURES_SHOWN = 3;

/** The summary as a person reads it. */
export function summaryTable(summary: ReplaySummary): string {
  const { rows, seconds, step, metrics, versions, drift, runs, promotions, rollbacks } = summary;
  const rate = seconds > 0 ? `, ${count(Math.round(rows / seconds))} rows/s` : '';
  const measured = Object.entries(LABELS)
    .filter(([name]) => name in metrics.whole)
    .map(([name, label]) => [label, number(metrics.whole[name]), number(metrics.afterFirst10Percent[name])]);
  return [
    `${count(rows)} rows in ${seconds} s${rate}, in steps of ${step}\n`,
    table(['quality', 'all rows', 'after the first 10 %'], measured, { right: [1, 2] }),
    table(
      ['answered by', 'predictions', 'from row', 'to row'],
      versions.map((v) => [
        v.version === null ? 'fallback' : `v${v.version}`,
        count(v.predictions),
        count(v.firstRow),
        count(v.lastRow),
      ]),
      { right: [1, 2, 3] },
    ),
    driftTable(drift),
    table(
      ['decisions', ''],
      [
        ['training runs', String(runs)],
        ['declined', listed(summary.declines)],
        ['failed', reasons(summary.failures)],
        ['refused by gate', listed(summary.refusals)],
        ['promotions', String(promotions)],
        ['rollbacks', String(rollbacks)],
      ],
    ),
    accounts(summary.reconciliation),
  ].join('\n');
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).map(([name, times]) => `${name} ${times}`);
  return entries.length === 0 ? 'none' : entries.join(', ');
}

/** Reasons with numbers of their own: each run may have another. */
function reasons(failures: Readonly<Record<string, number>>): string {
  const entries = Object.entries(failures).map(([reason, times]) => `${times} × ${reason}`);
  if (entries.length === 0) return 'none';
  const more = entries.length > FAILURES_SHOWN ? `; and ${entries.length - FAILURES_SHOWN} other reasons` : '';
  return entries.slice(0, FAILURES_SHOWN).join('; ') + more;
}

function driftTable(drift: readonly DriftNote[]): string {
  if (drift.length === 0) return 'no drift was found\n';
  const rows = drift
    .slice(0, DRIFT_SHOWN)
    .map((d) => [
      d.row === null ? '-' : count(d.row),
      d.kind,
      movedOf(d),
      d.detector,
      `${number(d.before)} → ${number(d.after)}`,
    ]);
  const more = drift.length > DRIFT_SHOWN ? `… and ${drift.length - DRIFT_SHOWN} more; --json shows all\n` : '';
  return table(['drift at row', 'kind', 'of', 'found by', 'change'], rows, { right: [0] }) + more;
}

/** A finding that names no input is of all of them together, of the answers, or of the error. */
function movedOf({ kind, feature }: DriftNote): string {
  if (feature !== null) return feature;
  return kind === 'covariate' ? 'all inputs' : kind === 'prediction' ? 'answers' : 'error';
}

function accounts(r: Reconciliation): string {
  const parts = [
    `${count(r.joined)} joined${r.late > 0 ? ` (${count(r.late)} late)` : ''}`,
    `${count(r.waiting)} waiting${r.expired > 0 ? ` (${count(r.expired)} expired)` : ''}`,
    `${count(r.refused)} refused`,
  ];
  const features = r.refusedFeatures > 0 ? `; the features of ${count(r.refusedFeatures)} rows were refused` : '';
  const verdict = r.balanced ? 'the accounts balance' : 'THE ACCOUNTS DO NOT BALANCE';
  const letters = Object.entries(r.deadLetters).map(([group, letters]) => `${count(letters)} of ${group}`);
  const sign = r.sent === r.predicted ? '=' : '≠';
  const sum = `${count(r.sent)} sent ${sign} ${count(r.predicted)} predicted = ${parts.join(' + ')}${features}: ${verdict}\n`;
  const codes = Object.entries(r.unpredicted).map(([code, rows]) => `${code} ${count(rows)}`);
  return [
    sum,
    ...(codes.length === 0 ? [] : [`requests that were refused: ${codes.join(', ')}\n`]),
    refusedLabels(r),
    ...(letters.length === 0 ? [] : [`dead letters: ${letters.join(', ')}\n`]),
  ].join('');
}

/** A line that says how many labels have taught nobody anything, and why; empty where none was refused. */
export function refusedLabels({ refused, firstRefused, sent }: Reconciliation): string {
  if (firstRefused === null) return '';
  const { row, reason } = firstRefused;
  return `THE LABELS OF ${count(refused)} OF ${count(sent)} ROWS WERE REFUSED, first that of row ${count(row)}: ${harmless(reason)}\n`;
}
