import { mulberry32 } from '@gyre/learning';
import { newDirectory } from '../harness.js';
import { Killer } from './killer.js';
import { account, tallied } from './reconcile.js';
import { accountTable, runChaos } from './run.js';

describe('a trial by chance', () => {
  it('loses and doubles nothing on the embedded platform, whose process is killed again and again', async () => {
    const seed = Number(process.env['E2E_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const said: string[] = [`chaos: E2E_SEED=${seed}`];
    const options = {
      seed,
      kills: 3,
      rows: 400,
      outageSeconds: null,
      answered: false,
      platform: 'embedded' as const,
    };
    const { accounts, kills } = await runChaos(options, newDirectory(), (line) => said.push(line));
    console.info([...said, accountTable(accounts)].join('\n'));
    expect(kills).toBe(3);
    expect(accounts.filter(({ lost, doubled }) => lost !== 0 || doubled !== 0)).toEqual([]);
    for (const effect of ['features in Parquet', 'outcomes in Parquet, with the label that was sent'])
      expect(accounts.find((line) => line.effect === effect)?.found).toBe(400);
    expect(accounts.find(({ effect }) => effect.startsWith('training rows'))?.found).toBeGreaterThan(0);
    expect(accounts.find(({ effect }) => effect === 'training runs finished')?.found).toBeGreaterThan(1);
  }, 180_000);

  it('counts what is lost and what is doubled', () => {
    expect(account('x', ['a', 'b', 'c'], ['a', 'b', 'b'])).toEqual({
      effect: 'x',
      expected: 3,
      found: 2,
      lost: 1,
      doubled: 1,
    });
    expect(account('x', ['a'], ['a', 'stranger'])).toMatchObject({ lost: 0, doubled: 1 });
    expect(tallied('x', 5, 3)).toMatchObject({ lost: 2, doubled: 0 });
    expect(tallied('x', 5, 7)).toMatchObject({ lost: 0, doubled: 2 });
  });

  it('kills the same at the same seed, everybody once before anybody twice, however far the traffic comes', async () => {
    const run = async (): Promise<string[]> => {
      const killed: string[] = [];
      const victim = (name: string) => ({
        name,
        kill: async () => void killed.push(name),
        start: async () => undefined,
      });
      const victims = ['a', 'b', 'c'].map(victim);
      const killer = new Killer(
        victims,
        { kills: 5, rows: 100, pauses: { afterMsMax: 1, downMsMax: 1 } },
        mulberry32(7),
        () => undefined,
      );
      await killer.reached(50);
      expect(await killer.end()).toBe(5);
      return killed;
    };
    const first = await run();
    expect([...first.slice(0, 3)].sort()).toEqual(['a', 'b', 'c']);
    expect(await run()).toEqual(first);
  });
});
