import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { GyreError } from '@gyre/contracts/errors';
import { decodeJsonAnswer, encodeJsonRequest, type InferAnswer, type ModelMetadata } from '@gyre/gateway/protocol';
import type { ApiClient } from '../api-client.js';
import { CallFailed } from '../failures.js';
import { withoutLeftovers } from '../leftovers.js';
import { AnswersFile, unfinishedOf } from './answers-file.js';
import { planInputs, type ColumnsWanted } from './plan.js';
import { TableFile, type Rows } from './table-file.js';

export interface PredictFileOptions extends ColumnsWanted {
  file: string;
  out: string;
  /** Absent: the only one there is. */
  model?: string | undefined;
  /** Rows of a request. */
  batchSize: number;
  begin?: (rows: number) => void;
  progress?: (rowsDone: number) => void;
}

export interface PredictFileSummary {
  model: string;
  file: string;
  out: string;
  rows: number;
  batchSize: number;
  seconds: number;
  rowsPerSecond: number;
  /** Rows by the version that answered; `fallback` where none did. */
  versions: Record<string, number>;
  /** Rows by why the model that should have answered did not. */
  fallbackReasons: Record<string, number>;
}

const MEMORY = '512MB';
/** How long an overloaded server is asked again. */
const PATIENCE_MS = 60_000;

/**
 * Predicts every row of a file, through the gateway that answers everybody else: one request after the other, so that rows are put together as the batch
 * size says and in no other way.
 *
 * @throws GyreError BAD_REQUEST naming file, row and column; CallFailed where the server refuses rows, naming which
 */
export async function predictFile(api: ApiClient, options: PredictFileOptions): Promise<PredictFileSummary> {
  const { file, out } = options;
  if (resolve(file) === resolve(out)) throw new GyreError('BAD_REQUEST', `${out} is the input; write to another file`);
  const scratch = `${out}.${randomUUID()}.scratch`;
  const leftovers = [scratch, `${scratch}.wal`, `${scratch}.spill`, unfinishedOf(out)];
  return withoutLeftovers(leftovers, () => predictInto(api, options, scratch));
}

/** @param scratch a database file of its own */
async function predictInto(api: ApiClient, options: PredictFileOptions, scratch: string): Promise<PredictFileSummary> {
  const { file, out, begin, progress } = options;
  const database = await DuckDBInstance.create(scratch, {
    memory_limit: MEMORY,
    threads: '2',
    temp_directory: `${scratch}.spill`,
    autoinstall_known_extensions: 'false',
  });
  // One reads while the other writes.
  const [reading, writing] = [await database.connect(), await database.connect()];
  try {
    const table = await TableFile.open(reading, file);
    const { specs, name } = await chosenModel(api, options.model);
    const metadata = await api.metadata(name);
    const spec = specs.find((one) => one.name === name);
    if (spec === undefined) throw new CallFailed(404, 'MODEL_NOT_FOUND', `no model named "${name}"`, {});
    const inputs = planInputs(file, table.columns, spec, metadata, options);
    const batchSize = sizeOf(metadata, options.batchSize);
    const answers = new AnswersFile(writing, table, classesIn(metadata));
    const summary: PredictFileSummary = {
      model: name,
      file,
      out,
      rows: 0,
      batchSize,
      seconds: 0,
      rowsPerSecond: 0,
      versions: {},
      fallbackReasons: {},
    };
    begin?.(table.rows);
    const began = performance.now();
    for await (const batch of table.batches(inputs, batchSize)) {
      const answer = await asked(api, name, batch, summary.rows);
      await answers.add(answer, batch.rows);
      count(summary.versions, answer.version === '' ? 'fallback' : answer.version, batch.rows);
      const why = answer.parameters['fallback_reason'];
      if (why !== undefined) count(summary.fallbackReasons, String(why), batch.rows);
      summary.rows += batch.rows;
      progress?.(summary.rows);
    }
    await answers.finish(out);
    summary.seconds = (performance.now() - began) / 1_000;
    summary.rowsPerSecond = Math.round(summary.rows / summary.seconds);
    return summary;
  } finally {
    reading.closeSync();
    writing.closeSync();
    database.closeSync();
  }
}

async function chosenModel(api: ApiClient, given: string | undefined) {
  const { models: specs } = await api.specs();
  const names = specs.map(({ name }) => name);
  const name = given ?? (names.length === 1 ? names[0] : undefined);
  if (name !== undefined) return { specs, name };
  const there = names.length === 0 ? 'none has been applied' : `there are: ${names.join(', ')}`;
  throw new GyreError('BAD_REQUEST', `which model is to predict? Name it with --model; ${there}`);
}

/** A model whose rows are not independent of each other is asked as its first dimension says. */
function sizeOf({ inputs, parameters }: ModelMetadata, wanted: number): number {
  if (parameters['batched'] !== false) return wanted;
  const fixed = inputs[0]?.shape[0] ?? 1;
  return fixed > 0 ? fixed : 1;
}

function classesIn({ parameters }: ModelMetadata): string[] {
  const labels = parameters['class_labels'];
  return labels === undefined ? [] : (JSON.parse(String(labels)) as unknown[]).map(String);
}

/** @param before rows of the file that came before these */
async function asked(api: ApiClient, model: string, { rows, tensors }: Rows, before: number): Promise<InferAnswer> {
  const message = encodeJsonRequest({
    model,
    version: '',
    id: '',
    parameters: {},
    inputs: tensors,
    outputs: [],
    raw: true,
  });
  for (let waitedMs = 0, waitMs = 10; ; waitedMs += waitMs, waitMs = Math.min(2 * waitMs, 1_000)) {
    try {
      return decodeJsonAnswer(await api.inferBytes(model, message));
    } catch (error) {
      if (!(error instanceof CallFailed)) throw error;
      if (!BUSY.has(error.code) || waitedMs >= PATIENCE_MS) {
        const which = rows === 1 ? `row ${before + 1}` : `rows ${before + 1} to ${before + rows}`;
        throw new CallFailed(error.status, error.code, `${which}: ${error.message}`, error.details);
      }
      await new Promise((resolved) => setTimeout(resolved, waitMs));
    }
  }
}

const BUSY: ReadonlySet<string> = new Set(['OVERLOADED', 'RATE_LIMITED']);

function count(counts: Record<string, number>, name: string, rows: number): void {
  counts[name] = (counts[name] ?? 0) + rows;
}
