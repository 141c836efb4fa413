import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAnswered } from './answered.js';
import { chaosOptions } from './options.js';
import { accountTable, runChaos } from './run.js';

const PER_SECOND = 2_000;
const options = chaosOptions(process.argv.slice(2));
if (options === undefined) process.exitCode = 2;
else {
  const directory = mkdtempSync(join(tmpdir(), 'gyre-chaos-'));
  const tell = (line: string): void => console.log(line);
  const { seed, kills: wanted, rows, platform, outageSeconds } = options;
  const trial = outageSeconds === null ? `--seed ${seed} --kills ${wanted}` : `--outage ${outageSeconds}`;
  tell(
    options.answered
      ? `${wanted} kills under ${PER_SECOND} predictions a second`
      : outageSeconds === null
        ? `seed ${seed}, ${wanted} kills, ${rows} rows, on the ${platform} platform`
        : `broker and database away for ${outageSeconds} s each, ${rows} rows, on the ${platform} platform`,
  );
  try {
    const { accounts, kills } = options.answered
      ? await runAnswered({ kills: options.kills, perSecond: PER_SECOND, livesMs: 500 }, directory, tell)
      : await runChaos(options, directory, tell);
    const wrong = accounts.filter(({ lost, doubled }) => lost !== 0 || doubled !== 0);
    console.log(`\n${accountTable(accounts)}`);
    console.log(
      wrong.length === 0 && kills >= options.kills
        ? `${kills} kills: nothing lost, nothing doubled.`
        : `${kills} kills: NOT RIGHT; the logs are in ${directory}. Again: npm run chaos -- ${trial} --limit ${options.rows} --platform ${options.platform}`,
    );
    process.exitCode = wrong.length === 0 && kills >= options.kills ? 0 : 1;
    if (process.exitCode === 0) rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    console.error(`${(error as Error).stack}\nThe logs are in ${directory}; the seed was ${options.seed}.`);
    process.exitCode = 1;
  }
  process.exit();
}
