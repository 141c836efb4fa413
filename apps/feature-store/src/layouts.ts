import { parsePredictionId, topics, type OnlineChanged, type Outcome, type Predicted } from '@gyre/contracts';
import type { Recorded } from '@gyre/platform';
import { column, type ColumnRule, type Layout } from './layout.js';

/**
 * History of one view: entity, revision, occurred_at (ms), and for each field of the rows `at.<field>` (ms) and its value in the
 * column of its type: `number.<field>`, `text.<field>` or `flag.<field>`. So a field may change its type without rewriting what lies there.
 */
export const historyLayout: Layout<OnlineChanged> = {
  topic: topics.history,
  table: ({ view }) => view,
  time: ({ occurredAt }) => occurredAt,
  columns: (rows) => [
    column('entity', 'VARCHAR', (r) => r.event.entity),
    column('revision', 'BIGINT', (r) => r.event.revision),
    column('occurred_at', 'BIGINT', (r) => r.event.occurredAt),
    ...namesIn(rows, ({ event }) => event.fields).flatMap(fieldColumns),
  ],
};

function fieldColumns(field: string): ColumnRule<OnlineChanged>[] {
  const values = VALUE_COLUMNS.map(([prefix, type, kind]) => {
    const value = ({ event }: Recorded<OnlineChanged>) => {
      const found = own(event.fields, field)?.value;
      return typeof found === kind ? (found as string | number | boolean) : null;
    };
    return column(`${prefix}.${field}`, type, value, { sparse: true });
  });
  const at = ({ event }: Recorded<OnlineChanged>) => own(event.fields, field)?.occurredAt ?? null;
  return [column(`at.${field}`, 'BIGINT', at), ...values];
}
const VALUE_COLUMNS = [
  ['number', 'DOUBLE', 'number'],
  ['text', 'VARCHAR', 'string'],
  ['flag', 'BOOLEAN', 'boolean'],
] as const;

/**
 * Predictions of one model: prediction, predicted_at (ms), entity, request, version, fallback, rollout, output and shadows (JSON);
 * what the model saw as `width` and f0, f1, … (float32); from_entity with `seen.<view>`, the revisions, where an entity was named.
 */
export const predictionsLayout: Layout<Predicted> = {
  topic: topics.predictions,
  // What was not answered is no prediction that anybody could learn from.
  table: ({ model, failure }) => (failure === undefined ? model : null),
  time: ({ id, occurredAt }) => predictionTimeOf(id) ?? occurredAt,
  columns: (rows) => [
    column('prediction', 'VARCHAR', (r) => r.event.id),
    column('predicted_at', 'BIGINT', (r) => r.event.occurredAt),
    column('entity', 'VARCHAR', (r) => r.event.entity),
    column('request', 'VARCHAR', (r) => r.event.request),
    column('version', 'INTEGER', (r) => r.event.version),
    column('fallback', 'VARCHAR', (r) => r.event.fallback),
    column('rollout', 'VARCHAR', (r) => r.event.rollout),
    column('output', 'VARCHAR', (r) => JSON.stringify(r.event.output)),
    column('shadows', 'VARCHAR', (r) => JSON.stringify(r.event.shadows)),
    column('width', 'INTEGER', (r) => r.event.features.length),
    column('from_entity', 'BOOLEAN', (r) => r.event.seen !== null),
    ...namesIn(rows, ({ event }) => event.seen ?? {}).map((view) =>
      column<Predicted>(`seen.${view}`, 'BIGINT', ({ event }) => own(event.seen ?? {}, view) ?? null),
    ),
    ...Array.from({ length: widest(rows) }, (_, i) =>
      column<Predicted>(`f${i}`, 'FLOAT', (r) => r.event.features[i] ?? null),
    ),
  ],
};

/** Outcomes of one model: prediction, kind, label (class index or value), occurred_at (when the label became known, ms) and predicted_at (ms). */
export const outcomesLayout: Layout<Outcome> = {
  topic: topics.outcomes,
  table: ({ model }) => model,
  time: outcomeTime,
  columns: () => [
    column('prediction', 'VARCHAR', (r) => r.event.prediction),
    column('predicted_at', 'BIGINT', (r) => outcomeTime(r.event)),
    column('kind', 'VARCHAR', (r) => r.event.kind),
    column('label', 'DOUBLE', (r) => r.event.label),
    column('occurred_at', 'BIGINT', (r) => r.event.occurredAt),
  ],
};

/** The time of the prediction that it is about, which every prediction's id carries. */
function outcomeTime({ prediction, predicted, occurredAt }: Outcome): number {
  return predictionTimeOf(prediction) ?? predicted?.occurredAt ?? occurredAt;
}

function predictionTimeOf(id: string): number | undefined {
  return parsePredictionId(id)?.predictedAt;
}

function namesIn<R>(rows: readonly R[], record: (row: R) => object): string[] {
  const names = new Set<string>();
  for (const row of rows) for (const name in record(row)) names.add(name);
  return [...names].sort();
}

function widest(rows: readonly Recorded<Predicted>[]): number {
  return rows.reduce((width, { event }) => Math.max(width, event.features.length), 0);
}

function own<V>(record: Readonly<Record<string, V>>, name: string): V | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
