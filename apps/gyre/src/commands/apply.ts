import { readFile } from 'node:fs/promises';
import { utf8Text } from '@gyre/hosting/utf8';
import { Option, type Command } from 'commander';
import { invocation, remote } from '../command.js';
import { CallFailed, UsageError } from '../failures.js';
import { JoinedTexts, type NamedText } from '../joined-texts.js';
import { printJson, table } from '../output.js';
import { harmless, type Terminal } from '../terminal.js';
import { notKnownYet } from '../unconfirmed.js';

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
      const files: NamedText[] = [];
      for (const file of command.opts<{ file: string[] }>().file)
        files.push({ file, text: await read(file, terminal) });
      // As one: the server checks all of it before any of it is in force, and a file may refer to another's.
      const joined = new JoinedTexts(files);
      const answer = await api.applySpecs(joined.text, joined.name).catch((error: unknown) => {
        throw withPlaces(error, joined);
      });
      if (json) return printJson(terminal, answer);
      const rows = answer.applied.map((a) => [a.kind, a.name, a.changed ? 'applied' : 'unchanged']);
      terminal.write(table(['kind', 'name', ''], rows) + harmless(notKnownYet(answer)));
    });

async function read(file: string, terminal: Terminal): Promise<string> {
  const bytes = await (file === '-' ? terminal.readStdin() : readFile(file)).catch((error: Error) => {
    throw new UsageError(`cannot read ${file}: ${error.message}`);
  });
  return utf8Text(bytes, file, 'SPEC_INVALID');
}

/** One problem a line, as compilers print them: editors jump to such places. */
function withPlaces(error: unknown, joined: JoinedTexts): unknown {
  if (!(error instanceof CallFailed) || !Array.isArray(error.details['problems'])) return error;
  const problems = (error.details['problems'] as Problem[]).map((problem) => ({
    ...problem,
    ...joined.placeOf(problem.line),
  }));
  const lines = problems.map(
    (p) => `${p.file}:${p.line}:${p.column}: ${p.path === '' ? '' : `${p.path}: `}${p.problem}`,
  );
  const told = harmless([...lines, 'Nothing was applied.'].join('\n'));
  return new CallFailed(error.status, error.code, told, { ...error.details, problems });
}
