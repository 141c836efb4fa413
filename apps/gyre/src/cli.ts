import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { EXIT, exitCode, failureJson, failureText, Told, UsageError } from './failures.js';
import { printJson } from './output.js';
import type { Terminal } from './terminal.js';

/** Makes a command that writes to this terminal. */
export type CommandOf = (terminal: Terminal) => Command;

/** Every command by its name. Only the one asked for is loaded, so that a short command starts quickly; all of them for help. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandOf>>> = {
  apply: async () => (await import('./commands/apply.js')).apply,
  get: async () => (await import('./commands/get.js')).get,
  describe: async () => (await import('./commands/describe.js')).describeSpec,
  import: async () => (await import('./commands/import.js')).importModel,
  predict: async () => (await import('./commands/predict.js')).predict,
  explain: async () => (await import('./commands/explain.js')).explain,
  feedback: async () => (await import('./commands/feedback.js')).feedback,
  timeline: async () => (await import('./commands/timeline.js')).timeline,
  versions: async () => (await import('./commands/versions.js')).versions,
  served: async () => (await import('./commands/served.js')).served,
  reproduce: async () => (await import('./commands/reproduce.js')).reproduce,
  promote: async () => (await import('./commands/promote.js')).promote,
  rollback: async () => (await import('./commands/rollback.js')).rollback,
  retrain: async () => (await import('./commands/retrain.js')).retrain,
  deadletters: async () => (await import('./commands/deadletters.js')).deadLetters,
  replay: async () => (await import('./commands/replay.js')).replay,
  lag: async () => (await import('./commands/lag.js')).lag,
  status: async () => (await import('./commands/status.js')).status,
  backup: async () => (await import('./commands/backup.js')).backup,
  restore: async () => (await import('./commands/backup.js')).restoreBackup,
  drift: async () => (await import('./commands/drift.js')).drift,
};

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
    .version((createRequire(import.meta.url)('../package.json') as { version: string }).version)
    .showSuggestionAfterError()
    .addHelpText('after', '\nStart with `npm run demo`, or `npm start` and `gyre apply -f SPEC.yaml`.');
  for (const make of [...more, ...(await commandsFor(argv))]) program.addCommand(make(terminal));
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
    // Commander has told a person already.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      if (argv.includes('--json')) printJson(terminal, failureJson(usageOf(error)));
      return EXIT.usage;
    }
    if (error instanceof Told) return EXIT.failure;
    if (argv.includes('--json')) printJson(terminal, failureJson(error));
    terminal.note(`${failureText(error)}\n`);
    return exitCode(error);
  }
}

function commandsFor([name = '']: readonly string[]): Promise<CommandOf[]> {
  const wanted = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]!] : Object.values(COMMANDS);
  return Promise.all(wanted.map((load) => load()));
}

function usageOf({ message }: CommanderError): UsageError {
  return new UsageError(message.replace(/^error: /, ''));
}

function nested(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...nested(child)]);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
