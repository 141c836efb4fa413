import { newDirectory } from '../harness.js';
import { runAnswered } from './answered.js';
import { accountTable } from './run.js';

describe('a gateway that is killed under load', () => {
  it('has recorded all that it answered, and each label finds its prediction once', async () => {
    const said: string[] = [];
    const options = { kills: 2, perSecond: 2_000, livesMs: 500 };
    const { accounts } = await runAnswered(options, newDirectory(), (line) => said.push(line));
    console.info([...said, accountTable(accounts)].join('\n'));
    expect(accounts[0]?.expected).toBeGreaterThan(100);
    expect(accounts.filter(({ lost, doubled }) => lost !== 0 || doubled !== 0)).toEqual([]);
  }, 300_000);
});
