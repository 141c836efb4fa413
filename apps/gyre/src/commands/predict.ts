import { Option, type Command } from 'commander';
import type { ModelInForce } from '@gyre/contracts';
import type { ApiClient, InferAnswer, InferBody } from '../api-client.js';
import { invocation, remote } from '../command.js';
import { CallFailed, UsageError } from '../failures.js';
import { instantArgument, jsonArgument, wholeNumber } from '../arguments.js';
import { number, printJson, table } from '../output.js';
import type { Terminal } from '../terminal.js';

interface PredictOptions {
  entity?: string;
  features?: unknown;
  time?: string;
  id?: string;
  file?: string;
  out?: string;
  model?: string;
  batchSize: number;
  entityColumn?: string;
  timeColumn?: string;
}

export const predict = (terminal: Terminal): Command =>
  remote('predict', 'ask a model for one prediction, or for one of each row of a file')
    .argument('[model]', 'not needed for a file where there is only one')
    .addOption(new Option('--entity <key>', 'predict from the newest features of this entity').conflicts('features'))
    .addOption(
      new Option(
        '--features <json>',
        'predict from these: {"view.field": 1.5, …} or [1.5, …] in the model\'s order; null is missing',
      ).argParser(jsonArgument('--features')),
    )
    .addOption(new Option('--time <time>', 'event time of the request (default: now)').argParser(instantArgument))
    .option('--id <id>', 'a request id of your own, which the answer carries')
    .addOption(
      new Option('--file <path>', 'predict every row of this Parquet or CSV file').conflicts([
        'entity',
        'features',
        'id',
        'time',
      ]),
    )
    .option('--out <path>', 'with --file: where to write its rows with their answers, .parquet or .csv')
    .option('--model <name>', 'with --file: the model')
    .addOption(
      new Option('--batch-size <rows>', 'with --file: rows of a request').argParser(wholeNumber(1)).default(256),
    )
    .option(
      '--entity-column <name>',
      'with --file: the column of entities, whose features are looked up where the file has none',
    )
    .option('--time-column <name>', 'with --file: the column of event times (ISO 8601)')
    .action(async (model: string | undefined, _options, command: Command) => {
      const { api, json } = invocation(command, terminal);
      const options = command.opts<PredictOptions>();
      if (options.file !== undefined) {
        if (options.model !== undefined && model !== undefined)
          throw new UsageError(`name the model once: either "${model}" or --model ${options.model}`);
        return predictRows(terminal, api, json, options.model ?? model, options);
      }
      const forFiles = OF_FILES.filter((name) => command.getOptionValueSource(name) === 'cli');
      if (forFiles.length > 0)
        throw new UsageError(`${forFiles.map(flagOf).join(', ')}: only with --file PATH, for a prediction of each row`);
      if (model === undefined) throw new UsageError('a prediction needs a model, or --file PATH');
      if (options.entity === undefined && options.features === undefined) {
        throw new UsageError('a prediction needs --entity KEY, or --features JSON');
      }
      const inputs = options.features === undefined ? [] : await matrix(api, model, options.features);
      const parameters = {
        ...(options.entity === undefined ? {} : { entity: options.entity }),
        ...(options.time === undefined ? {} : { time: options.time }),
      };
      const answer = await api.infer(model, {
        ...(options.id === undefined ? {} : { id: options.id }),
        parameters,
        inputs,
      });
      if (json) printJson(terminal, answer);
      else terminal.write(shown(answer));
    });

/** Options that mean nothing without a file. */
const OF_FILES = [
  'out',
  'model',
  'batchSize',
  'entityColumn',
  'timeColumn',
] as const satisfies (keyof PredictOptions)[];

/** `batchSize` as it is written on the command line. */
function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

async function predictRows(
  terminal: Terminal,
  api: ApiClient,
  json: boolean,
  model: string | undefined,
  options: PredictOptions,
): Promise<void> {
  const { file = '', out, batchSize, entityColumn: entity, timeColumn: time } = options;
  if (out === undefined) throw new UsageError('--file needs --out PATH, a .parquet or .csv file to write');
  // DuckDB is loaded for files alone.
  const { predictFile } = await import('../batch/predict-file.js');
  const { summaryText } = await import('../batch/summary-text.js');
  const { ProgressBar } = await import('../progress-bar.js');
  let bar: InstanceType<typeof ProgressBar> | undefined;
  try {
    const summary = await predictFile(api, {
      file,
      out,
      model,
      batchSize,
      entity,
      time,
      begin: (rows) => (bar = terminal.watched ? new ProgressBar(rows) : undefined),
      progress: (rows) => bar?.update(rows),
    });
    bar?.stop();
    if (json) printJson(terminal, summary);
    else terminal.write(summaryText(summary));
  } finally {
    bar?.stop();
  }
}

/** The features of one row as the input of a request. @throws UsageError, CallFailed MODEL_NOT_FOUND */
export async function matrix(api: ApiClient, name: string, features: unknown): Promise<InferBody['inputs']> {
  const { models } = await api.specs();
  const model = models.find((m) => m.name === name);
  if (model === undefined) throw new CallFailed(404, 'MODEL_NOT_FOUND', `no model named "${name}"`, {});
  const data = inOrder(model, features);
  return [{ name: 'features', datatype: 'FP32', shape: [1, data.length], data }];
}

/** @throws UsageError naming the features there are, for one that the model does not have */
export function inOrder(model: ModelInForce, features: unknown): (number | null)[] {
  const order = model.inputs.map(({ view, field }) => ({ full: `${view}.${field}`, field }));
  const names = order.map(({ full }) => full).join(', ');
  if (Array.isArray(features)) {
    if (features.length !== order.length)
      throw new UsageError(`--features has ${features.length} values, the model takes ${order.length}: ${names}`);
    return features.map((value, i) => asNumber(order[i]?.full ?? '', value));
  }
  const given = features as Record<string, unknown>;
  for (const key of Object.keys(given)) {
    if (!order.some(({ full, field }) => key === full || key === field))
      throw new UsageError(`the model has no feature "${key}"; it takes ${names}`);
  }
  return order.map(({ full, field }) => asNumber(full, given[full] ?? given[field] ?? null));
}

function asNumber(feature: string, value: unknown): number | null {
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw new UsageError(`feature ${feature} must be a number, true, false or null, got ${JSON.stringify(value)}`);
}

function shown(answer: InferAnswer): string {
  const parameters = Object.entries(answer.parameters).map(([name, value]) => [name, String(value)]);
  const outputs = answer.outputs.map(({ name, data }) => [
    name,
    data.map((v) => (typeof v === 'number' ? number(v) : String(v))).join('  '),
  ]);
  return table(['answer', ''], [
    ...outputs,
    ['version', answer.model_version === '' ? 'fallback' : answer.model_version],
    ...parameters.filter(([n]) => n !== 'version'),
  ] as string[][]);
}
