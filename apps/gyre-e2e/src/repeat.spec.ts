import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LifecycleType } from '@gyre/contracts';
import { elec2, repeatable, summaryOf, type Summary } from './elec2.js';
import { Api, newDirectory, replay, seedOf, until, type Child } from './harness.js';

const ROWS = 2_000;
const MINUTES_5 = 300_000;
/** A first model early, and small steps: many decisions in few rows. */
const FLAGS = [...elec2.flags, '--limit', String(ROWS), '--bootstrap-rows', '300'];

/** When a replay is to be killed. */
type Moment = { rows: number } | { after: LifecycleType; count: number };

describe('a replay', () => {
  let uninterrupted: Summary;

  beforeAll(async () => {
    uninterrupted = await run(newDirectory());
  }, MINUTES_5);

  it(
    'tells the same at its second time, but for the seconds',
    async () => {
      const again = await run(newDirectory());
      expect(repeatable(again)).toEqual(repeatable(uninterrupted));
      expect(again.promotions).toBeGreaterThan(0);
    },
    MINUTES_5,
  );

  it(
    'killed again and again at any moment and resumed, tells the same',
    async () => {
      const random = seedOf('kill moments of the replay');
      const dataDir = newDirectory();
      const between = (low: number, high: number): Moment => ({ rows: Math.floor(low + (high - low) * random()) });
      const moments: Moment[] = [
        { after: 'TrainingRequested', count: 1 }, // the first model is being trained
        { after: 'Promoted', count: 1 },
        between(0.2 * ROWS, 0.5 * ROWS),
        { after: 'Promoted', count: 2 }, // a challenger has won
        between(0.5 * ROWS, 0.9 * ROWS),
      ];
      let child = replay(elec2.file, elec2.spec, [...FLAGS, '--data-dir', dataDir]);
      const kills: string[] = [];
      for (const moment of moments) {
        await reached(child, dataDir, moment);
        if ('rows' in moment) await pause(50 * random());
        if (!child.running) break;
        await child.kill();
        kills.push(`${JSON.stringify(moment)} at ${rowsAnswered(dataDir)} rows`);
        child = replay(elec2.file, elec2.spec, [...FLAGS, '--data-dir', dataDir, '--resume']);
      }
      console.info(`killed after ${kills.join(', ')}`);
      expect(kills.length).toBeGreaterThan(2);
      expect(await child.ended).toBe(0);
      expect(repeatable(summaryOf(child.stdout))).toEqual(repeatable(uninterrupted));
    },
    MINUTES_5,
  );

  it(
    'does not go on with other input, nor over what is there, nor without a directory',
    async () => {
      const dataDir = newDirectory();
      const small = (...more: string[]) =>
        replay(elec2.file, elec2.spec, [...elec2.flags, '--limit', '100', '--data-dir', dataDir, ...more]);
      expect(await small().ended).toBe(0);
      const over = small();
      expect(await over.ended).toBe(1);
      expect(over.stderr).toMatch(/holds a replay of elec2\.csv\.gz already .*--resume/);
      const other = small('--resume', '--step', '7');
      expect(await other.ended).toBe(1);
      expect(other.stderr).toMatch(/--step: began with 50, now 7/);
      const nowhere = replay(elec2.file, elec2.spec, ['--resume']);
      expect(await nowhere.ended).toBe(2);
    },
    MINUTES_5,
  );
});

async function run(dataDir: string): Promise<Summary> {
  const child = replay(elec2.file, elec2.spec, [...FLAGS, '--data-dir', dataDir]);
  const code = await child.ended;
  if (code !== 0) throw new Error(`the replay ended with ${code}: ${child.stderr}`);
  return summaryOf(child.stdout);
}

/** Resolves at the moment, or when the replay has ended. */
async function reached(child: Child, dataDir: string, moment: Moment): Promise<void> {
  const [, url] = await child.said(/console: (\S+)/);
  const api = new Api(String(url));
  await until(JSON.stringify(moment), async () => {
    if (!child.running) return true;
    if ('rows' in moment) return rowsAnswered(dataDir) >= moment.rows ? true : undefined;
    // Not there before the model is applied.
    const there = await api.decided(elec2.model, moment.after).catch(() => []);
    return there.length >= moment.count ? true : undefined;
  });
}

function rowsAnswered(dataDir: string): number {
  const journal = join(dataDir, 'replay.ndjson');
  const text = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
  const last = /.*"kind":"answers","first":(\d+)/s.exec(text)?.[1];
  return last === undefined ? 0 : Number(last) + 50;
}
