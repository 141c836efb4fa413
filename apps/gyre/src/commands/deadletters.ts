import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { DEAD_LETTERS_LISTED_MAX, type DeadLetterEntry } from '@gyre/contracts';
import type { DeadLettersWanted } from '../api-client.js';
import { wholeNumber } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { UsageError } from '../failures.js';
import { count, instant, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

const BATCH = 1_000;

interface Position {
  partition: number;
  offset: number;
}

export const deadLetters = (terminal: Terminal): Command =>
  new Command('deadletters')
    .description('events that were refused, why, and another try for them')
    .addCommand(list(terminal), { isDefault: true })
    .addCommand(replay(terminal));

const list = (terminal: Terminal): Command =>
  remote('list', 'list refused events, newest first')
    .addOption(
      new Option('--limit <count>', 'the newest so many')
        .default(100)
        .argParser(wholeNumber(1, DEAD_LETTERS_LISTED_MAX)),
    )
    .option('--group <name>', 'only what this group refused')
    .action(async (_options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const { limit, group } = command.opts<{ limit: number; group?: string }>();
      const letters = await api.deadLetters(limit, group);
      if (json) return printJson(terminal, letters);
      terminal.write(
        table(['position', 'time', 'group', 'code', 'reason', 'event'], letters.map(cells), { wrap: { 4: 60 } }),
      );
      if (letters.length > 0)
        terminal.note('\nGive one another try with `gyre deadletters replay POSITION`, once its cause is gone.\n');
    });

const replay = (terminal: Terminal): Command =>
  remote(
    'replay',
    'give refused events back to the group that refused them; they have lost their place in the order of their key',
  )
    .addArgument(new Argument('[position...]', 'PARTITION:OFFSET as listed').argParser(position))
    .option('--all', 'all that can have another try, each event once')
    .option('--group <name>', 'with --all: only what this group refused')
    .action(async (named: Position[] | undefined, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const { all, group } = command.opts<{ all?: boolean; group?: string }>();
      const positions = named ?? [];
      if ((positions.length === 0) === (all !== true))
        throw new UsageError('name either positions as PARTITION:OFFSET, or --all');
      if (all !== true && group !== undefined)
        throw new UsageError('--group needs --all: positions name their letters');
      let replayed = 0;
      let expired = 0;
      const calls: DeadLettersWanted[] =
        all === true ? [{ all, ...(group === undefined ? {} : { group }) }] : inBatches(positions);
      for (const wanted of calls) {
        const answer = await api.replayDeadLetters(wanted);
        replayed += answer.replayed;
        expired += answer.expired;
      }
      if (json) return printJson(terminal, { replayed, expired });
      terminal.write(
        `${count(replayed)} given another try; what is refused again comes back to \`gyre deadletters\`\n`,
      );
      if (expired > 0) terminal.write(`${count(expired)} passed over: the log no longer keeps the event\n`);
    });

function inBatches(positions: readonly Position[]): DeadLettersWanted[] {
  const batches: DeadLettersWanted[] = [];
  for (let from = 0; from < positions.length; from += BATCH)
    batches.push({ letters: positions.slice(from, from + BATCH) });
  return batches;
}

function position(text: string, before: Position[] | undefined): Position[] {
  const match = /^(\d+):(\d+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It must be PARTITION:OFFSET, such as 0:17.');
  return [...(before ?? []), { partition: Number(match[1]), offset: Number(match[2]) }];
}

function cells(letter: DeadLetterEntry): string[] {
  const { partition, offset, occurredAt, group, code, reason, preview } = letter;
  return [
    `${partition}:${offset}`,
    instant(occurredAt),
    group,
    code,
    reason,
    preview.length > 60 ? `${preview.slice(0, 59)}…` : preview,
  ];
}
