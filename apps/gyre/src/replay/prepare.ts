import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { GyreError, LABEL_SKEW_MAX_MS, type FeatureViewSpec } from '@gyre/contracts';
import { readSpecs, utf8Text } from '@gyre/hosting';
import { parseAllDocuments } from 'yaml';
import { csvRows, surveyCsv } from './csv.js';
import type { PreparedReplay } from './driver.js';
import { openReplay, type Past } from './journal.js';
import { RowReader } from './rows.js';

export interface ReplayOptions {
  file: string;
  spec: string;
  labelDelay: number;
  step: number;
  limit: number | undefined;
  bootstrapRows: number | undefined;
  start: number;
  intervalMs: number;
  timeColumn: string | null;
  resume: boolean;
}

const BOOTSTRAP_SHARE = 0.05;
const BOOTSTRAP_ROWS_MAX = 2_000;
/** The fewest rows that a spec lets a first model be trained on. */
const BOOTSTRAP_ROWS_MIN = 20;
const BOOTSTRAP = ['retraining', 'bootstrapLabels'];
const LEAST = ['retraining', 'minLabels'];

/**
 * Checks everything that can be checked before anything starts, and opens the directory.
 * @throws GyreError SPEC_INVALID with lines, BAD_REQUEST for the file, COMMAND_REFUSED for the directory
 */
export async function prepare(
  options: ReplayOptions,
  directory: string,
): Promise<{ replay: PreparedReplay; past: Past | undefined }> {
  const { file, spec: specFile, limit, step, labelDelay, start, intervalMs, timeColumn } = options;
  const written = await readSpec(specFile);
  const { views, models } = readSpecs(written, specFile);
  const [model] = models;
  if (model === undefined || models.length > 1) {
    throw new GyreError(
      'SPEC_INVALID',
      `${specFile} holds ${models.length} models; a replay takes exactly one, with the views that it reads`,
    );
  }
  const { fallback } = model;
  if (fallback !== undefined && 'refuse' in fallback && (fallback.rules ?? []).length === 0) {
    throw new GyreError(
      'SPEC_INVALID',
      `${specFile}: fallback.refuse of model ${model.name}: before it has a version every request would be refused, so no label would find a prediction and nothing could be learnt; for a replay give fallback.value`,
    );
  }
  const { name } = model.label;
  const leak = model.inputs.find(({ field }) => field === name);
  if (leak !== undefined) {
    throw new GyreError(
      'SPEC_INVALID',
      `${specFile}: label.name of model ${model.name}: in a replay column "${name}" would be both the label and the input ${leak.view}.${name}, and every row would be answered from its own label; give features without it`,
    );
  }
  const survey = await surveyCsv(file);
  const rows = Math.min(limit ?? Infinity, survey.rows);
  const specText = withBootstrap(written, options.bootstrapRows, survey.rows);
  const base = basename(file)
    .replace(/\.gz$/i, '')
    .replace(/\.[^.]+$/, '')
    .slice(0, 100);
  const reader = new RowReader({ file, base, columns: survey.columns, views, model, start, intervalMs, timeColumn });
  await checkTimes(reader, file, rows, timeColumn !== null, Date.now() + skewMax(views));
  const fingerprint = {
    file: basename(file),
    sha256: survey.sha256,
    spec: createHash('sha256').update(specText).digest('hex'),
    rows,
    step,
    labelDelay,
    start,
    intervalMs,
    timeColumn,
  };
  const past = await openReplay(directory, fingerprint, options.resume);
  return {
    replay: { directory, file, base, columns: survey.columns, specFile, specText, views, model, fingerprint },
    past,
  };
}

/** How far ahead of its arrival a row may be stamped, ms: both its features and its label are to be taken. */
function skewMax(views: readonly FeatureViewSpec[]): number {
  return Math.min(LABEL_SKEW_MAX_MS, ...views.map(({ maxSkew }) => maxSkew));
}

/** @throws GyreError BAD_REQUEST with row and column, for a row whose time cannot be told or lies in the future */
async function checkTimes(
  reader: RowReader,
  file: string,
  rows: number,
  inColumn: boolean,
  latest: number,
): Promise<void> {
  if (!inColumn) {
    reader.refuseAfter(latest, rows - 1, reader.timeOf(rows - 1, []));
    return;
  }
  let row = 0;
  for await (const cells of csvRows(file)) {
    if (row === rows) return;
    reader.refuseAfter(latest, row, reader.timeOf(row, cells));
    row += 1;
  }
}

/**
 * Says in the spec on how many rows the first champion is trained, where the spec does not say it itself: 5 % of the file or 2,000 rows, whichever
 * is less, but no fewer than the spec wants for a run. A run's least number of labels, where the spec does not say it either, does not stand in the way.
 *
 * @param asked by the command line: it counts before the spec
 */
export function withBootstrap(text: string, asked: number | undefined, fileRows: number): string {
  const share = Math.max(BOOTSTRAP_ROWS_MIN, Math.min(BOOTSTRAP_ROWS_MAX, Math.floor(fileRows * BOOTSTRAP_SHARE)));
  const documents = parseAllDocuments(text).filter((document) => document.contents !== null);
  for (const document of documents) {
    if (document.get('kind') !== 'Model') continue;
    const least = Number(document.getIn(LEAST) ?? 0);
    if (asked !== undefined || !document.hasIn(BOOTSTRAP)) document.setIn(BOOTSTRAP, asked ?? Math.max(share, least));
  }
  return documents.map((document) => document.toString({ lineWidth: 0 }).replace(/^---\n/, '')).join('---\n');
}

async function readSpec(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw new GyreError('BAD_REQUEST', `cannot read ${file}: ${error.message}`);
  });
  return utf8Text(bytes, file, 'SPEC_INVALID');
}
