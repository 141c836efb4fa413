import type { Command } from 'commander';
import { invocation, remote } from '../command.js';
import { count, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const lag = (terminal: Terminal): Command =>
  remote('lag', 'how far each consumer group is behind').action(async (_options, command: Command) => {
    const { api, json } = invocation(command, terminal);
    const answer = await api.lag();
    if (json) return printJson(terminal, answer);
    const rows = answer.groups.map((g) => [g.group, g.topic, String(g.partition), count(g.offset), count(g.lag)]);
    terminal.write(table(['group', 'topic', 'partition', 'next', 'behind'], rows, { right: [2, 3, 4] }));
  });
