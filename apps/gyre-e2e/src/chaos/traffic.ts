import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Calls } from './calls.js';

export const VIEW = 'market';
export const MODEL = 'price-direction';
const FIELDS = ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'] as const;
const FILE = fileURLToPath(new URL('../../../../examples/data/elec2.csv.gz', import.meta.url));
const BATCH = 50;

/** A row of elec2, and what became of it at the edge of Gyre. Every row is an entity of its own. */
export interface SentRow {
  entity: string;
  values: Record<string, number>;
  label: number;
  /** The id of the prediction that was answered. */
  prediction: string;
  /** Whether it was made from the entity's features. */
  fromFeatures: boolean;
}

/** Where a Gyre takes what. */
export interface Addresses {
  ingestion: string;
  gateway: string;
}

/** @param rows of elec2; a new model is trained ten times on the way. @returns the specs */
export function specs(rows: number): string {
  const every = Math.max(100, Math.floor(rows / 10));
  return `kind: FeatureView
name: ${VIEW}
entity: region
fields: { ${FIELDS.map((field) => `${field}: float`).join(', ')} }
---
kind: Model
name: ${MODEL}
features: [${VIEW}.*]
label: { name: class, type: binary }
trainers: [linear]
drift: { windowOutcomes: 100 }
retraining: { bootstrapLabels: 100, minLabels: 100, everyLabels: ${every}, cooldownLabels: 50, windows: [1000, 100000] }
`;
}

/**
 * Sends rows, batch by batch: their features, requests for predictions, the labels of the answers. What is not answered is sent again under the
 * same ids, until it is.
 *
 * @param may resolves when this row may be sent
 */
export async function send(
  rows: number,
  to: Addresses,
  calls: Calls,
  may: (row: number) => Promise<void>,
): Promise<SentRow[]> {
  const text = gunzipSync(readFileSync(FILE)).toString('utf8');
  const [head = '', ...lines] = text.split('\n', rows + 1);
  const columns = head.trim().split(',');
  const sent: SentRow[] = [];
  for (let from = 0; from < lines.length; from += BATCH) {
    await may(from);
    const batch = lines.slice(from, from + BATCH).map((line, i) => rowOf(from + i, columns, line));
    const time = new Date().toISOString();
    await append(
      batch.map(({ entity, values }) => ({ id: `f-${entity}`, type: 'features', view: VIEW, entity, time, values })),
    );
    await Promise.all(batch.map(predict));
    const known = new Date().toISOString();
    await append(
      batch.map(({ entity, prediction, label }) => ({
        id: `l-${entity}`,
        type: 'label',
        prediction,
        value: label,
        time: known,
      })),
    );
    sent.push(...batch);
  }
  return sent;

  async function append(events: readonly object[]): Promise<void> {
    const body = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    const { refused } = await calls.json<{ refused: unknown[] }>('POST', `${to.ingestion}/v1/events`, body);
    if (refused.length > 0) throw new Error(`ingestion refuses ${JSON.stringify(refused)}`);
  }

  async function predict(row: SentRow): Promise<void> {
    const { parameters } = await calls.json<{ parameters: Record<string, string> }>(
      'POST',
      `${to.gateway}/v2/models/${MODEL}/infer`,
      { id: row.entity, parameters: { entity: row.entity } },
    );
    row.prediction = String(parameters['prediction_id']);
    row.fromFeatures = parameters['feature_status'] !== undefined;
  }
}

function rowOf(row: number, columns: readonly string[], line: string): SentRow {
  const cells = line.trim().split(',');
  const cell = (name: string): number => Number(cells[columns.indexOf(name)]);
  const values = Object.fromEntries(FIELDS.map((field) => [field, cell(field)]));
  return { entity: `row-${row}`, values, label: cell('class'), prediction: '', fromFeatures: false };
}
