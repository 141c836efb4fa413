import { Command, CommanderError } from 'commander';
import { apply } from './commands/apply.js';
import { backup, restoreBackup } from './commands/backup.js';
import { deadLetters } from './commands/deadletters.js';
import { describeSpec } from './commands/describe.js';
import { feedback } from './commands/feedback.js';
import { get } from './commands/get.js';
import { importModel } from './commands/import.js';
import { lag } from './commands/lag.js';
import { predict } from './commands/predict.js';
import { promote } from './commands/promote.js';
import { replay } from './commands/replay.js';
import { retrain } from './commands/retrain.js';
import { rollback } from './commands/rollback.js';
import { served } from './commands/served.js';
import { status } from './commands/status.js';
import { timeline } from './commands/timeline.js';
import { versions } from './commands/versions.js';
import { EXIT, exitCode, failureJson, failureText } from './failures.js';
import { printJson } from './output.js';
import type { Terminal } from './terminal.js';

/** Makes a command that writes to this terminal. */
export type CommandOf = (terminal: Terminal) => Command;

const COMMANDS: readonly CommandOf[] = [
  apply,
  get,
  describeSpec,
  importModel,
  predict,
  feedback,
  timeline,
  versions,
  served,
  promote,
  rollback,
  retrain,
  deadLetters,
  replay,
  lag,
  status,
  backup,
  restoreBackup,
];

/**
 * Runs one command line.
 *
 * @param argv what follows the program's name
 * @param more commands of the caller, such as `up`
 * @returns the exit code: 0 done, 1 failed, 2 asked for wrongly, 130 interrupted
 */
export async function runCli(
  argv: readonly string[],
  terminal: Terminal,
  more: readonly CommandOf[] = [],
): Promise<number> {
  const program = new Command('gyre')
    .description('Keeps machine-learning models right while the world moves.')
    .showSuggestionAfterError()
    .addHelpText('after', '\nStart with `npm run demo`, or `npm start` and `gyre apply -f SPEC.yaml`.');
  for (const make of [...more, ...COMMANDS]) program.addCommand(make(terminal));
  for (const command of [program, ...nested(program)]) {
    command.exitOverride();
    command.configureOutput({ writeOut: (text) => terminal.write(text), writeErr: (text) => terminal.note(text) });
    command.showHelpAfterError(`See \`${pathOf(command)} --help\`.`);
  }
  try {
    if (argv.length === 0) {
      terminal.note(program.helpInformation());
      return EXIT.usage;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (argv.includes('--json')) printJson(terminal, failureJson(error));
    terminal.note(`${failureText(error)}\n`);
    return exitCode(error);
  }
}

function nested(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...nested(child)]);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
