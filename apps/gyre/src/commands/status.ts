import type { Command } from 'commander';
import { invocation, remote } from '../command.js';
import { CallFailed } from '../failures.js';
import { count, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const status = (terminal: Terminal): Command =>
  remote('status', 'whether Gyre is ready, and how far behind it is; fails if it is not ready').action(
    async (_options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const [ready, { groups }] = await Promise.all([api.ready(), api.lag()]);
      const behind = groups.reduce((sum, group) => sum + group.lag, 0);
      const missing = Object.entries(ready.missing).map(([name, why]) => `${name}: ${why}`);
      if (missing.length > 0)
        throw new CallFailed(503, 'NOT_READY', `not ready: ${missing.join('; ')}`, { missing: ready.missing, behind });
      if (json) printJson(terminal, { ...ready, url: api.url, behind });
      else
        terminal.write(
          table(
            ['gyre', ''],
            [
              ['address', api.url],
              ['status', ready.status],
              ['events behind', count(behind)],
            ],
          ),
        );
    },
  );
