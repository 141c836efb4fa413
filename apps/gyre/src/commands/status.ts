import type { Command } from 'commander';
import type { ApiClient } from '../api-client.js';
import { invocation, remote } from '../command.js';
import { CallFailed, NotReady } from '../failures.js';
import { count, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const status = (terminal: Terminal): Command =>
  remote(
    'status',
    'whether Gyre is ready, what it goes on without, and how far behind it is; fails if it is not ready',
  ).action(async (_options, command: Command) => {
    const { api, json } = invocation(command, terminal);
    const { status, missing, degraded } = await api.ready();
    const without = Object.entries(degraded).map(([name, why]) => `${name}: ${why}`);
    if (Object.keys(missing).length > 0) {
      const lines = [
        `not ready: ${Object.entries(missing)
          .map(([name, why]) => `${name}: ${why}`)
          .join('; ')}`,
        ...(without.length === 0 ? [] : [`degraded: ${without.join('; ')}`]),
      ];
      throw new NotReady(503, 'NOT_READY', lines.join('\n'), { missing, degraded });
    }
    const { behind, whyUnknown } = await lagOf(api);
    if (json) return printJson(terminal, { status, missing, degraded, url: api.url, behind });
    terminal.write(
      table(
        ['gyre', ''],
        [
          ['address', api.url],
          ['status', status],
          ...without.map((what) => ['degraded', what]),
          ['events behind', behind === null ? `unknown: ${whyUnknown}` : count(behind)],
        ],
      ),
    );
  });

/** What is ready answers, also where the platform, which alone knows the lag, is away. */
async function lagOf(api: ApiClient): Promise<{ behind: number | null; whyUnknown: string }> {
  try {
    const { groups } = await api.lag();
    return { behind: groups.reduce((sum, { lag }) => sum + lag, 0), whyUnknown: '' };
  } catch (error) {
    if (!(error instanceof CallFailed) || error.status !== 503) throw error;
    return { behind: null, whyUnknown: error.message };
  }
}
