import { Option, type Command } from 'commander';
import { instantArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { instant, number, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

export const served = (terminal: Terminal): Command =>
  remote('served', 'which version served at a moment, who put it there, and why')
    .argument('<model>')
    .addOption(
      new Option('--at <time>', 'the moment, such as 2026-11-22T14:05:00Z')
        .argParser(instantArgument)
        .makeOptionMandatory(),
    )
    .action(async (model: string, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const answer = await api.served(model, command.opts<{ at: string }>().at);
      if (json) return printJson(terminal, answer);
      const { at, version, since, actor, reason, evidence } = answer;
      const rows = [
        ['served', version === null ? 'the fallback' : `v${version}`],
        ['at', instant(at)],
        ['since', since === null ? 'the beginning' : instant(since)],
        ['by', actor ?? '-'],
        ['why', reason ?? 'no version had been promoted'],
      ];
      if (evidence !== null) {
        const { pairs, mean, lower, upper, alpha } = evidence;
        rows.push([
          'evidence',
          `${pairs} pairs: ${number(mean)} less loss, between ${number(lower)} and ${number(upper)} (alpha ${number(alpha)})`,
        ]);
      }
      terminal.write(table([model, ''], rows, { wrap: { 1: 100 } }));
    });
