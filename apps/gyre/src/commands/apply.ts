import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { AppliedSpecs } from '@gyre/contracts';
import { invocation, remote } from '../command.js';
import { CallFailed, UsageError } from '../failures.js';
import { printJson, table } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';

/** A problem as the server tells it. */
interface Problem {
  line: number;
  column: number;
  path: string;
  problem: string;
}

export const apply = (terminal: Terminal): Command =>
  remote('apply', 'apply feature views and models from YAML files')
    .addOption(
      new Option(
        '-f, --file <file...>',
        'YAML files with one or more specs; - reads standard input',
      ).makeOptionMandatory(),
    )
    .action(async (_options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const applied: AppliedSpecs['applied'] = [];
      for (const file of command.opts<{ file: string[] }>().file) {
        const text = await read(file, terminal);
        try {
          applied.push(...(await api.applySpecs(text, file)).applied);
        } catch (error) {
          throw withPlaces(error, file, applied.length);
        }
      }
      if (json) printJson(terminal, { applied });
      else
        terminal.write(
          table(
            ['kind', 'name', ''],
            applied.map((a) => [a.kind, a.name, a.changed ? 'applied' : 'unchanged']),
          ),
        );
    });

async function read(file: string, terminal: Terminal): Promise<string> {
  if (file === '-') return terminal.readStdin();
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** One problem a line, as compilers print them: editors jump to such places. */
function withPlaces(error: unknown, file: string, before: number): unknown {
  if (!(error instanceof CallFailed) || !Array.isArray(error.details['problems'])) return error;
  const problems = error.details['problems'] as Problem[];
  const lines = problems.map((p) => `${file}:${p.line}:${p.column}: ${p.path === '' ? '' : `${p.path}: `}${p.problem}`);
  const outcome =
    before === 0
      ? 'Nothing was applied.'
      : `Nothing of ${file} was applied; ${before} specs of the files before it were.`;
  return new CallFailed(error.status, error.code, harmless([...lines, outcome].join('\n')), error.details);
}
