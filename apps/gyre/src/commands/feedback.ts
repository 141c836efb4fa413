import { randomUUID } from 'node:crypto';
import { Option, type Command } from 'commander';
import type { LabelEvent, LabelValue } from '@gyre/contracts';
import { instantArgument, labelArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { CallFailed, UsageError } from '../failures.js';
import { printJson } from '../output.js';
import type { Terminal } from '../terminal.js';

interface FeedbackOptions {
  prediction?: string;
  model?: string;
  entity?: string;
  at?: string;
  value: LabelValue;
  time?: string;
  id?: string;
}

export const feedback = (terminal: Terminal): Command =>
  remote('feedback', 'tell what really happened after a prediction')
    .addOption(new Option('--prediction <id>', 'the prediction, by the id in its answer').conflicts(['entity', 'at']))
    .option('--model <model>', 'with --entity: the model')
    .option('--entity <key>', "instead of --prediction: the entity's latest prediction at or before --at")
    .addOption(new Option('--at <time>', 'with --entity: the moment that is meant').argParser(instantArgument))
    .addOption(
      new Option('--value <label>', 'the label: a number, true, false, or a class by name')
        .argParser(labelArgument)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--time <time>', 'when the label became known (default: now)').argParser(instantArgument))
    .option('--id <id>', 'event id: a label sent again under the same id counts once (default: a random one)')
    .action(async (_options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const event = labelEvent(command.opts<FeedbackOptions>());
      const answer = await api.sendEvents([event]);
      const [refused] = answer.refused;
      if (refused !== undefined) throw new CallFailed(422, refused.code, refused.reason, {});
      if (json) printJson(terminal, { ...answer, id: event.id });
      else terminal.write(`accepted as ${event.id}; if its checks refuse it, \`gyre deadletters\` says why\n`);
    });

function labelEvent({ prediction, model, entity, at, value, time, id }: FeedbackOptions): LabelEvent {
  const target = prediction === undefined ? { entity, at } : { prediction };
  if (prediction === undefined && (entity === undefined || at === undefined || model === undefined)) {
    throw new UsageError('a label needs --prediction ID, or --model, --entity and --at');
  }
  return {
    id: id ?? randomUUID(),
    type: 'label',
    ...(model === undefined ? {} : { model }),
    ...target,
    value,
    time: time ?? new Date().toISOString(),
  } as LabelEvent;
}
