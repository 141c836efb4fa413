import type { Command } from 'commander';
import type { VersionInfo } from '@gyre/contracts';
import { invocation, remote } from '../command.js';
import { count, instant, number, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const versions = (terminal: Terminal): Command =>
  remote('versions', 'the versions of a model, newest first, with their gates')
    .argument('<model>')
    .action(async (model: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const infos = await api.versions(model);
      if (json) printJson(terminal, infos);
      else
        terminal.write(
          table(['version', 'role', 'trained', 'rows', 'on the holdout', 'gates', 'served'], infos.map(cells), {
            right: [3],
            wrap: { 4: 40 },
          }),
        );
    });

function cells({ version, role, candidate, gates, served }: VersionInfo): string[] {
  const failed = gates.filter((gate) => !gate.passed);
  return [
    `v${version}`,
    role,
    candidate.name,
    count(candidate.trainingRows),
    Object.entries(candidate.metrics)
      .map(([name, value]) => `${name} ${number(value)}`)
      .join(' '),
    failed.length === 0 ? `${gates.length} passed` : `failed: ${failed.map((gate) => gate.name).join(', ')}`,
    served.map(({ from, until }) => `${instant(from)} to ${until === null ? 'now' : instant(until)}`).join('\n'),
  ];
}
