import { Option, type Command } from 'commander';
import type { Explained } from '@gyre/contracts';
import { instantArgument, jsonArgument } from '../arguments.js';
import { invocation, remote } from '../command.js';
import { UsageError } from '../failures.js';
import { number, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';
import { matrix } from './predict.js';

interface ExplainOptions {
  entity?: string;
  features?: unknown;
  prediction?: string;
  time?: string;
}

export const explain = (terminal: Terminal): Command =>
  remote('explain', 'what each feature contributes to a prediction')
    .argument('[model]', 'left out for a past prediction')
    .addOption(
      new Option('--prediction <id>', 'a past prediction, by the prediction_id of its answer').conflicts([
        'entity',
        'features',
        'time',
      ]),
    )
    .addOption(new Option('--entity <key>', 'from the newest features of this entity').conflicts('features'))
    .addOption(
      new Option(
        '--features <json>',
        'from these: {"view.field": 1.5, …} or [1.5, …] in the model\'s order; null is missing',
      ).argParser(jsonArgument('--features')),
    )
    .addOption(new Option('--time <time>', 'event time of the request (default: now)').argParser(instantArgument))
    .action(async (model: string | undefined, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const { entity, features, prediction, time } = command.opts<ExplainOptions>();
      let explained: Explained;
      if (prediction !== undefined) {
        if (model !== undefined)
          throw new UsageError(`a past prediction knows its model; leave out either "${model}" or --prediction`);
        explained = await api.explainPast(prediction);
      } else {
        if (model === undefined || (entity === undefined && features === undefined))
          throw new UsageError('an explanation needs --prediction ID, or a model and --entity KEY or --features JSON');
        const inputs = features === undefined ? [] : await matrix(api, model, features);
        const parameters = { ...(entity === undefined ? {} : { entity }), ...(time === undefined ? {} : { time }) };
        explained = await api.explain(model, { parameters, inputs });
      }
      if (json) printJson(terminal, explained);
      else terminal.write(shown(explained));
    });

/** The row, the features that contribute most first. */
function shown({ model, version, method, space, background, features, outputs, rows }: Explained): string {
  const [row] = rows;
  if (row === undefined) return 'none\n';
  const { base, contributions, scores, values, prediction } = row;
  const size = (f: number): number => Math.max(...contributions.map((own) => Math.abs(own[f] ?? 0)));
  const order = features.map((_, f) => f).sort((a, b) => size(b) - size(a));
  const valueOf = (f: number): string => {
    const value = values[f] ?? null;
    return typeof value === 'number' ? number(value) : (value ?? 'missing');
  };
  const lines = [
    ['', 'to begin with', ...base.map(signed)],
    ...order.map((f) => [features[f] ?? '', valueOf(f), ...contributions.map((own) => signed(own[f] ?? 0))]),
    ['', 'in all', ...scores.map(signed)],
  ];
  const right = [1, ...outputs.map((_, k) => k + 2)];
  const against =
    background.source === 'training'
      ? 'its training rows'
      : `${background.rows} rows of the ${background.source === 'request' ? 'request' : 'newest predictions'}`;
  return (
    table(['feature', 'value', ...outputs], lines, { right }) +
    `Version ${version} of ${model} answers ${prediction.map(number).join('  ')}. ${UNIT[space]}, compared with ${against} (${method}).\n`
  );
}

const UNIT: Record<Explained['space'], string> = {
  'log-odds': 'Contributions are log-odds',
  score: 'Contributions are scores before the softmax',
  probability: 'Contributions are probabilities',
  value: 'Contributions are in the unit of the value',
};

function signed(value: number): string {
  return value > 0 ? `+${number(value)}` : number(value);
}
