import type { DeadLetterEntry, LabelCounts, LabelRules, Lifecycle, TimelineEntry } from '@gyre/contracts';
import type { Answer } from './journal.js';
import { reconcile } from './reconciliation.js';
import { summarise, type DriftNote } from './summary.js';
import { summaryTable } from './summary-table.js';
import { Tally } from './tally.js';

const binary: LabelRules = { name: 'class', type: 'binary', classes: [0, 1], delay: 0, horizon: 1 };
const regression: LabelRules = { name: 'y', type: 'regression', delay: 0, horizon: 1 };
const answered = (version: number | null, ...output: number[]): Answer => ({
  id: 'p',
  version,
  fallback: version === null ? 'no version yet' : null,
  output,
});

/** The rows of scikit-learn's example of average_precision_score and roc_auc_score. */
function example(): Tally {
  const tally = new Tally(binary);
  [0.1, 0.4, 0.35, 0.8].forEach((p, i) => tally.add(answered(i < 2 ? null : 1, 1 - p, p), i < 2 ? 0 : 1));
  return tally;
}

describe('the metrics of a replay', () => {
  it('are scikit-learn’s', () => {
    const metrics = example().metrics(0);
    expect(metrics['rocAuc']).toBeCloseTo(0.75, 12);
    expect(metrics['prAuc']).toBeCloseTo(0.8333333333333333, 12);
    expect(metrics['accuracy']).toBe(0.75);
    expect(metrics['kappa']).toBe(0.5);
    expect(metrics['macroF1']).toBeCloseTo((0.8 + 2 / 3) / 2, 12);
    expect(metrics['logLoss']).toBeCloseTo(0.4722879, 6);
  });

  it('of a regression are in its unit', () => {
    const tally = new Tally(regression);
    [2.5, 0, 2, 8].forEach((y, i) => tally.add(answered(1, y), [3, -0.5, 2, 7][i] as number));
    expect(tally.metrics(0)).toMatchObject({ rows: 4, mae: 0.5, rmse: Math.sqrt(0.375) });
    expect(tally.metrics(0)['r2']).toBeCloseTo(0.9486081370449679, 12);
  });

  it('leave out rows without an answer or a truth, and begin where they are told to', () => {
    const tally = example();
    tally.add({ refused: 'NOT_READY' }, 1);
    tally.add(answered(2, 0, 1), null);
    expect(tally.metrics(0)['rows']).toBe(4);
    expect(tally.metrics(2)['rows']).toBe(2);
    expect(tally.metrics(2)['accuracy']).toBe(0.5);
    expect(tally.metrics(4)['accuracy']).toBeNull();
    expect(tally.rows).toBe(6);
    expect(Object.values(tally.refused)).toEqual([1]);
    expect(tally.versions()).toEqual([
      { version: null, predictions: 2, firstRow: 0, lastRow: 1 },
      { version: 1, predictions: 2, firstRow: 2, lastRow: 3 },
      { version: 2, predictions: 1, firstRow: 5, lastRow: 5 },
    ]);
  });
});

function labels(counts: Partial<LabelCounts['counts']>, waiting: number, early = 0): LabelCounts {
  const all = { joined: 0, corrected: 0, late: 0, repeated: 0, expired: 0, ...counts };
  return { model: 'm', counts: all, waiting, early, earlyUnnamed: 0, coverage: null };
}
const letter = (preview: string, reason = '') => ({ preview, reason, group: 'ingestion' }) as DeadLetterEntry;

const event = (offset: number, type: string, more: object = {}) =>
  ({ offset, type, event: { type, ...more } as unknown as Lifecycle }) as TimelineEntry;
const drift = { kind: 'concept', detector: 'adwin', feature: null, version: 1, before: 0.1, after: 0.3 };
const gates = (...passed: boolean[]) =>
  passed.map((each, i) => ({ name: ['onnx agrees', 'beats the baseline', 'best of its run'][i], passed: each }));
const timeline = [
  event(5, 'DriftDetected', { ...drift, at: { prediction: 'p', request: 'row-17', labels: 9 } }),
  event(3, 'Promoted'),
  event(9, 'DriftDetected', {
    ...drift,
    kind: 'covariate',
    feature: 'sea.x0',
    at: { prediction: 'p', request: null, labels: 9 },
  }),
  event(4, 'TrainingDeclined', { code: 'too-few-labels' }),
  event(6, 'TrainingDeclined', { code: 'cooldown' }),
  event(7, 'TrainingDeclined', { code: 'cooldown' }),
  event(2, 'TrainingFinished', { failure: null }),
  event(10, 'TrainingFinished', { failure: 'out of memory' }),
  event(11, 'VersionRefused', { gates: gates(true, true, false) }),
  event(12, 'VersionRefused', { gates: gates(true, false) }),
  event(13, 'VersionRefused', { gates: gates(false, false) }),
  event(8, 'RolledBack'),
];
const accounts = reconcile({
  base: 'sea',
  sent: 4,
  unpredicted: {},
  deadLetters: [],
  labels: labels({ joined: 4 }, 0),
});
const summary = summarise({ seconds: 1.23456, step: 50 }, example(), timeline, accounts);

describe('the accounts of a replay', () => {
  const seen = { base: 'sea', sent: 10, unpredicted: {}, deadLetters: [] };

  it('balance when every prediction is joined or waits', () => {
    expect(reconcile({ ...seen, labels: labels({ joined: 7 }, 3) })).toMatchObject({
      joined: 7,
      waiting: 3,
      refused: 0,
      balanced: true,
    });
  });

  it('do not balance when the platform has lost a prediction, made one up, or keeps labels for one that it never saw', () => {
    expect(reconcile({ ...seen, labels: labels({ joined: 7 }, 2) }).balanced).toBe(false);
    expect(reconcile({ ...seen, labels: labels({ joined: 8 }, 3) }).balanced).toBe(false);
    expect(reconcile({ ...seen, labels: labels({ joined: 7 }, 3, 1) }).balanced).toBe(false);
  });

  it('count a row once whose label lies in the dead letters', () => {
    const deadLetters = [
      letter('{"id":"sea-l-4","value":"x"}', 'value: "x" is no label'),
      letter('{"event":"sea-l-4"}', 'value: "x" is no label'),
      letter('{"id":"sea-l-14","value":"y"}', 'value: "y" is no label'),
      letter('{"id":"sea-f-2"}'),
      letter('{"id":"other-l-5"}'),
    ];
    const accounts = reconcile({ ...seen, deadLetters, labels: labels({ joined: 7 }, 3) });
    expect(accounts).toMatchObject({
      sent: 10,
      predicted: 10,
      joined: 7,
      waiting: 1,
      refused: 2,
      firstRefused: { row: 4, reason: 'value: "x" is no label' },
      refusedFeatures: 1,
      deadLetters: { ingestion: 5 },
      balanced: true,
    });
    expect(accounts.joined + accounts.waiting + accounts.refused).toBe(accounts.sent);
    expect(summaryTable({ ...summary, reconciliation: accounts })).toContain(
      'THE LABELS OF 2 OF 10 ROWS WERE REFUSED, first that of row 4: value: "x" is no label\n',
    );
  });

  it('do not balance where a request was refused, and name the code', () => {
    const unpredicted = { BAD_REQUEST: 2, NOT_READY: 1 };
    const accounts = reconcile({ ...seen, unpredicted, labels: labels({ joined: 5 }, 2) });
    expect(accounts).toMatchObject({ sent: 10, predicted: 7, joined: 5, waiting: 2, refused: 0, balanced: false });
    const text = summaryTable({ ...summary, reconciliation: accounts });
    expect(text).toContain('10 sent ≠ 7 predicted = 5 joined + 2 waiting + 0 refused: THE ACCOUNTS DO NOT BALANCE');
    expect(text).toContain('requests that were refused: BAD_REQUEST 2, NOT_READY 1\n');
    expect(reconcile({ ...seen, sent: 3, unpredicted: { BAD_REQUEST: 3 }, labels: labels({}, 0) }).balanced).toBe(
      false,
    );
  });

  it('balance with labels that came late', () => {
    const accounts = reconcile({ ...seen, labels: labels({ joined: 5, late: 2, expired: 4 }, 1) });
    expect(accounts).toMatchObject({ joined: 7, waiting: 3, late: 2, expired: 2, balanced: true });
  });
});

describe('the summary of a replay', () => {
  it('has the fields that it promises, in their order', () => {
    expect(Object.keys(summary)).toEqual([
      ...[
        'rows',
        'seconds',
        'step',
        'metrics',
        'versions',
        'drift',
        'runs',
        'promotions',
        'rollbacks',
        'declines',
        'refusals',
        'failures',
        'reconciliation',
      ],
    ]);
    expect(Object.keys(summary.metrics)).toEqual(['whole', 'afterFirst10Percent']);
    expect(summary).toMatchObject({ rows: 4, seconds: 1.23, step: 50, runs: 2, promotions: 1, rollbacks: 1 });
    expect(summary.declines).toEqual({ cooldown: 2, 'too-few-labels': 1 });
    expect(summary.refusals).toEqual({ 'beats the baseline': 2, 'best of its run': 1, 'onnx agrees': 1 });
    expect(summary.failures).toEqual({ 'out of memory': 1 });
    expect(summary.drift.map((d) => [d.row, d.kind, d.feature])).toEqual([
      [17, 'concept', null],
      [null, 'covariate', 'sea.x0'],
    ]);
  });

  it('reads as a table', () => {
    const text = summaryTable(summary);
    expect(text).toContain('4 rows in 1.23 s, 3 rows/s, in steps of 50');
    expect(text).toMatch(/^ROC AUC +0\.75/m);
    expect(text).toMatch(/^fallback +2 +0 +1$/m);
    expect(text).toMatch(/^ +17 +concept +error +adwin +0\.1 → 0\.3$/m);
    expect(text).toMatch(/^refused by gate +beats the baseline 2, best of its run 1, onnx agrees 1$/m);
    expect(text).toMatch(/^failed +1 × out of memory$/m);
    expect(text).not.toContain('WERE REFUSED');
    expect(text).toContain('4 sent = 4 predicted = 4 joined + 0 waiting + 0 refused: the accounts balance');
  });

  it('says of each drift what has moved', () => {
    const [note] = summary.drift as [DriftNote];
    const of = (kind: DriftNote['kind'], feature: string | null = null) => ({ ...note, kind, feature });
    const drift = [
      of('concept'),
      of('prediction'),
      of('covariate'),
      of('covariate', 'sea.x0'),
      of('quality', 'sea.x1'),
    ];
    expect(summaryTable({ ...summary, drift }).match(/(?<=^ +17 +\w+ +)\S.*?(?= +adwin)/gm)).toEqual([
      ...['error', 'answers', 'all inputs', 'sea.x0', 'sea.x1'],
    ]);
  });
});
