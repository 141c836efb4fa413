import { Option, type Command } from 'commander';
import { reasonArgument, versionArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { printJson } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';

export const promote = (terminal: Terminal): Command =>
  remote('promote', 'make a version the champion, by hand')
    .argument('<model>')
    .argument('<version>', 'such as 3', versionArgument)
    .addOption(
      new Option('--reason <text>', 'why; it stands in the timeline (must be given)')
        .argParser(reasonArgument)
        .makeOptionMandatory(),
    )
    .action(async (model: string, version: number, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const answer = await api.promote(model, version, command.opts<{ reason: string }>().reason);
      if (json) printJson(terminal, answer);
      else terminal.write(`${harmless(answer.message)}\n`);
    });
