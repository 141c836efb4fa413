import type { Served } from '@gyre/contracts';
import { elec2, summaryOf, type Summary } from './elec2.js';
import { Api, gyre, mulberry32, newFile, replay, type Child } from './harness.js';

const ROWS = 3_000;
const MINUTES_5 = 300_000;

/** The real stream, but each row has the label of another: there is nothing to learn. */
function shuffledLabels(seed: number): string {
  const [header = [], ...rows] = elec2.cells(ROWS);
  const column = header.indexOf('class');
  const random = mulberry32(seed);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [rows[i] as string[], rows[j] as string[]];
    [a[column], b[column]] = [b[column] as string, a[column] as string];
  }
  return [header, ...rows].map((cells) => cells.join(',')).join('\n');
}

describe('labels that nothing explains', () => {
  let child: Child;
  let summary: Summary;
  let api: Api;

  beforeAll(async () => {
    const file = newFile('shuffled.csv', shuffledLabels(20_261_122));
    child = replay(file, elec2.spec, [...elec2.flags, '--bootstrap-rows', '500', '--step', '100', '--serve']);
    const [, url] = await child.said(/console: (\S+)/);
    await child.said(/The platform goes on running/);
    summary = summaryOf(child.stdout);
    api = new Api(String(url));
  }, MINUTES_5);

  it('bring no version into service: the fallback answers to the end', async () => {
    expect(summary).toMatchObject({ promotions: 0, rollbacks: 0 });
    expect(summary.versions).toEqual([{ version: null, predictions: ROWS, firstRow: 0, lastRow: ROWS - 1 }]);
    expect(summary.reconciliation).toMatchObject({ balanced: true, joined: ROWS });
    const at = new Date(elec2.start + ROWS * elec2.intervalMs).toISOString();
    const { stdout } = await gyre(['served', elec2.model, '--at', at, '--json', '--url', api.url]);
    expect(JSON.parse(stdout) as Served).toMatchObject({ version: null });
  });

  it('have every candidate refused by its gate, with the numbers', async () => {
    expect(summary.runs).toBeGreaterThan(0);
    const finished = await api.decided(elec2.model, 'TrainingFinished');
    const refused = await api.decided(elec2.model, 'VersionRefused');
    expect(finished.map(({ failure }) => failure)).toEqual(finished.map(() => null));
    expect(refused).toHaveLength(finished.flatMap(({ candidates }) => candidates).length);
    expect(refused.length).toBeGreaterThan(1);
    expect(summary.refusals['beats the baseline']).toBe(refused.length);
    expect(await api.decided(elec2.model, 'VersionRegistered')).toEqual([]);
    for (const { gates, reason } of refused) {
      const gate = gates.find(({ name }) => name === 'beats the baseline');
      expect(gate?.passed).toBe(false);
      expect(gate?.value).toBeGreaterThanOrEqual(gate?.limit as number);
      expect(reason).toMatch(/is refused: it fails beats the baseline \([\d.]+, limit [\d.]+\)/);
    }
  });

  afterAll(() => child.terminate());
});
