import type { Command } from 'commander';
import { reasonArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { printJson } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';

export const retrain = (terminal: Terminal): Command =>
  remote('retrain', 'ask for a training run now')
    .argument('<model>')
    .option('--reason <text>', 'why; it stands in the timeline', reasonArgument)
    .action(async (model: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const answer = await api.retrain(model, command.opts<{ reason?: string }>().reason);
      if (json) printJson(terminal, answer);
      else terminal.write(`${harmless(answer.message)}\n`);
    });
