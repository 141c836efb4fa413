import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LifecycleOf, LifecycleType, Served, TimelineEntry } from '@gyre/contracts';
import { OnnxModel } from '@gyre/model-runtime';
import { elec2, summaryOf, type Summary } from './elec2.js';
import { Api, gyre, newDirectory, replay, type Child } from './harness.js';
import { trainingRows } from './parquet.js';

const ROWS = 6_000;
const MINUTES_5 = 300_000;

/** A row of a training set, and the answer that was given for it. */
interface TrainingRow {
  row: number;
  label: number;
  features: number[];
}
interface Answer {
  id: string;
  version: number | null;
  output: number[];
}

describe('the circle, closed on real data', () => {
  const dataDir = join(newDirectory(), 'replay');
  let child: Child;
  let summary: Summary;
  let api: Api;

  beforeAll(async () => {
    child = replay(elec2.file, elec2.spec, [
      ...elec2.flags,
      ...['--limit', String(ROWS), '--data-dir', dataDir, '--serve'],
    ]);
    const [, url] = await child.said(/console: (\S+)/);
    await child.said(/The platform goes on running/);
    summary = summaryOf(child.stdout);
    api = new Api(String(url));
  }, MINUTES_5);

  it('prints one JSON object with what a replay promises, and nothing else', () => {
    expect(Object.keys(summary)).toEqual([
      ...['rows', 'seconds', 'step', 'metrics', 'versions', 'drift'],
      ...['runs', 'promotions', 'rollbacks', 'declines', 'refusals', 'failures', 'reconciliation'],
    ]);
    expect(Object.keys(summary.metrics)).toEqual(['whole', 'afterFirst10Percent']);
    const names = ['accuracy', 'kappa', 'macroF1', 'logLoss', 'rocAuc', 'prAuc'];
    expect(Object.keys(summary.metrics.whole)).toEqual(expect.arrayContaining(names));
    expect(summary).toMatchObject({ rows: ROWS, step: 50 });
  });

  it('accounts for every row', () => {
    expect(summary.reconciliation).toMatchObject({ balanced: true, sent: ROWS, predicted: ROWS, joined: ROWS });
    expect(summary.reconciliation).toMatchObject({ waiting: 0, refused: 0, early: 0, deadLetters: {} });
    expect(summary.versions.reduce((sum, { predictions }) => sum + predictions, 0)).toBe(ROWS);
    expect(summary.versions[0]).toMatchObject({ version: null, firstRow: 0 });
  });

  it('keeps the model right: much better than chance, with drift found on the way', () => {
    expect(summary.metrics.afterFirst10Percent['kappa']).toBeGreaterThan(0.35);
    expect(summary.drift.map(({ kind }) => kind)).toContain('concept');
    expect(summary.runs).toBeGreaterThan(1);
  });

  it('promotes nothing but what passed every gate and the paired test', async () => {
    const decisions = await api.decisions(elec2.model);
    const of = <T extends LifecycleType>(type: T) =>
      decisions.filter((event): event is LifecycleOf<T> => event.type === type);
    const promoted = of('Promoted');
    expect(promoted).toHaveLength(summary.promotions);
    const [, ...challengers] = promoted;
    expect(challengers.length).toBeGreaterThan(0);
    for (const { version } of promoted) {
      const registered = of('VersionRegistered').find((event) => event.version === version);
      expect(registered?.gates.length).toBeGreaterThan(0);
      expect(registered?.gates.filter(({ passed }) => !passed)).toEqual([]);
      expect(registered?.candidate.onnxDifferenceMax).toBeLessThanOrEqual(1e-5);
    }
    for (const { version, from, rollout, evidence } of challengers) {
      const shadow = of('RolloutStarted').find((event) => event.rollout === rollout);
      const rules = shadow?.challengers.find((one) => one.version === version);
      const decided = of('ComparisonDecided').find(
        (event) => event.rollout === rollout && event.challenger === version && event.incumbent === from,
      );
      expect(decided).toMatchObject({ incumbent: from, evidence, verdict: rules?.rule });
      expect(evidence?.lower).toBeGreaterThan(rules?.rule === 'better' ? 0 : -(rules?.notWorseBy ?? 0));
    }
  });

  it('says for every decision who took it and why, and for every decline its code', async () => {
    const decisions = await api.decisions(elec2.model);
    expect(decisions.filter(({ reason, actor }) => reason === '' || actor === '')).toEqual([]);
    const declined = decisions.filter((event) => event.type === 'TrainingDeclined').map(({ code }) => code);
    expect(Object.values(summary.declines).reduce((a, b) => a + b, 0)).toBe(declined.length);
    expect(new Set(Object.keys(summary.declines))).toEqual(new Set(declined));
  });

  it('answers what served at a moment, and why', async () => {
    const promoted = await api.decided(elec2.model, 'Promoted');
    const [first, second] = promoted as [LifecycleOf<'Promoted'>, LifecycleOf<'Promoted'>];
    const at = (ms: number) => served(api.url, new Date(ms).toISOString());
    expect(await at(first.occurredAt - 1)).toMatchObject({ version: null, reason: null });
    expect(await at(second.occurredAt - 1)).toMatchObject({ version: first.version, reason: first.reason });
    expect(await at(second.occurredAt)).toMatchObject({
      version: second.version,
      since: second.occurredAt,
      actor: 'registry',
      reason: second.reason,
      evidence: second.evidence,
    });
  });

  it('trains on exactly what serving saw, row by row', async () => {
    const built = await api.decided(elec2.model, 'TrainingSetBuilt');
    expect(built.length).toBe(summary.runs);
    for (const { rows, parityMismatches } of built) {
      expect(rows).toBeGreaterThan(0);
      expect(parityMismatches).toBe(0);
    }
    const last = built.at(-1) as LifecycleOf<'TrainingSetBuilt'>;
    const rows = await rowsOf(await api.artifact(last.data));
    expect(rows).toHaveLength(last.rows);
    const [header = [], ...cells] = elec2.cells(ROWS);
    const columns = elec2.features.map((name) => header.indexOf(name));
    const truth = rows.map(({ row }) => ({
      row,
      label: Number(cells[row]?.[header.indexOf('class')]),
      features: columns.map((column) => Math.fround(Number(cells[row]?.[column]))),
    }));
    expect(rows).toEqual(truth);
  });

  it('gave the answers that its versions give for the training rows', async () => {
    const built = await api.decided(elec2.model, 'TrainingSetBuilt');
    const rows = await rowsOf(await api.artifact((built.at(-1) as LifecycleOf<'TrainingSetBuilt'>).data));
    const answers = journalledAnswers(join(dataDir, 'replay.ndjson'));
    const versions = await api.decided(elec2.model, 'VersionRegistered');
    let compared = 0;
    for (const { version, candidate } of versions) {
      const answered = rows.filter(({ row }) => answers[row]?.version === version);
      if (answered.length === 0) continue;
      const model = OnnxModel.load(await api.artifact(candidate.onnx));
      const scored = model.run(Float32Array.from(answered.flatMap(({ features }) => features)), answered.length);
      const width = scored.length / answered.length;
      const given = answered.flatMap(({ row }) => (answers[row] as Answer).output);
      expect(given).toHaveLength(answered.length * width);
      expect(Math.max(...given.map((value, i) => Math.abs(value - (scored[i] as number))))).toBeLessThan(1e-6);
      compared += answered.length;
    }
    expect(compared).toBeGreaterThan(1_000);
  });

  it('shows the same timeline through the CLI', async () => {
    const { code, stdout } = await gyre(['timeline', elec2.model, '--limit', '10000', '--json', '--url', api.url]);
    expect(code).toBe(0);
    const entries = JSON.parse(stdout) as TimelineEntry[];
    expect(entries.map(({ event }) => event)).toEqual(await api.decisions(elec2.model));
  });

  it('goes on serving until it is told to end', async () => {
    expect(child.running).toBe(true);
    expect(await child.terminate()).toBe(0);
    expect(summaryOf(child.stdout)).toEqual(summary);
  });
});

async function served(url: string, at: string): Promise<Served> {
  const { stdout } = await gyre(['served', elec2.model, '--at', at, '--json', '--url', url]);
  return JSON.parse(stdout) as Served;
}

/** The rows of the file that a training set holds, with its labels and features. */
async function rowsOf(parquet: Uint8Array): Promise<TrainingRow[]> {
  const rows = await trainingRows(parquet, elec2.features.length);
  return rows.map(({ predictedAt, label, features }) => ({
    row: (predictedAt - elec2.start) / elec2.intervalMs,
    label,
    features,
  }));
}

/** What the client was answered, row by row. */
function journalledAnswers(file: string): Answer[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.flatMap((line) => (JSON.parse(line) as { answers?: Answer[] }).answers ?? []);
}
