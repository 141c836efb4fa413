import type { FeatureViewSpec, ModelInput } from '@gyre/contracts';
import { rulesOf, type FieldRules } from '@gyre/features';
import type { Template } from './archived.js';
import { identifier, literal, type ColumnType } from './staging.js';

/** The part of a view that decides what a model is given. */
export type ViewInForce = Pick<FeatureViewSpec, 'fields' | 'ttl'>;

/** A model's inputs with the rules by which they are read. */
export interface FeatureQuery {
  inputs: readonly ModelInput[];
  views: Readonly<Record<string, ViewInForce>>;
}

const VALUE: Record<FieldRules['type'], { prefix: string; type: ColumnType }> = {
  float: { prefix: 'number', type: 'DOUBLE' },
  int: { prefix: 'number', type: 'DOUBLE' },
  bool: { prefix: 'flag', type: 'BOOLEAN' },
  string: { prefix: 'text', type: 'VARCHAR' },
};

export const outcomeTemplate: Template = {
  prediction: 'VARCHAR',
  predicted_at: 'BIGINT',
  kind: 'VARCHAR',
  label: 'DOUBLE',
  occurred_at: 'BIGINT',
};

export function predictionTemplate({ inputs, views }: FeatureQuery): Template {
  return {
    prediction: 'VARCHAR',
    predicted_at: 'BIGINT',
    entity: 'VARCHAR',
    width: 'INTEGER',
    from_entity: 'BOOLEAN',
    fallback: 'VARCHAR',
    ...Object.fromEntries(Object.keys(views).map((view) => [`seen.${view}`, 'BIGINT' as const])),
    ...Object.fromEntries(inputs.map((_, i) => [`f${i}`, 'FLOAT' as const])),
  };
}

export function historyTemplate(view: string, { inputs, views }: FeatureQuery): Template {
  const fields = inputs.filter((input) => input.view === view).map(({ field }) => field);
  return {
    entity: 'VARCHAR',
    revision: 'BIGINT',
    ...Object.fromEntries(fields.map((field) => [`at.${field}`, 'BIGINT' as const])),
    ...Object.fromEntries(fields.map((field) => valueColumn(field, rulesIn(views, view, field)))),
  };
}

/**
 * The newest labels of the model: per prediction the last value that was known by then, of the newest predictions.
 * A label that came late or was corrected counts as any other.
 */
export function labelledQuery(outcomes: string, { asOf, rowsMax }: { asOf: number; rowsMax: number }): string {
  return `SELECT prediction, arg_max(label, "offset") AS label, any_value(predicted_at) AS predicted_at
    FROM ${outcomes} AS outcomes
    WHERE kind IN ('joined', 'corrected', 'late') AND label IS NOT NULL AND occurred_at <= ${asOf}
    GROUP BY prediction ORDER BY predicted_at DESC, prediction DESC LIMIT ${rowsMax}`;
}

/**
 * The predictions behind the table `labelled`, each once. Without looked-up features, only those with as many features as the model now has
 * count; and none whose entity's features could not be looked up, which the fallback answered: it recorded nulls that nobody ever saw.
 */
export function chosenQuery(predictions: string, query: FeatureQuery): string {
  const columns = Object.keys(predictionTemplate(query)).map((name) => `p.${identifier(name)}`);
  const nothing = query.inputs.map((_, i) => `p.f${i} IS NULL`);
  return `SELECT ${columns.join(', ')}, labelled.label FROM ${predictions} AS p JOIN labelled ON p.prediction = labelled.prediction
    WHERE (p.from_entity OR p.width = ${query.inputs.length} AND
      NOT (p.entity IS NOT NULL AND p.fallback IS NOT NULL AND ${nothing.join(' AND ')}))
    QUALIFY row_number() OVER (PARTITION BY p.prediction ORDER BY p."offset") = 1`;
}

/**
 * The features of the table `chosen` as serving saw them: for each view the revision that the prediction names, and its values as far as they
 * had not outlived their time then. `incomplete`: that revision is not there; `mismatched`: the prediction recorded something else.
 *
 * @param histories by view, its history
 */
export function joinedQuery(histories: ReadonlyMap<string, string>, query: FeatureQuery): string {
  const { inputs, views } = query;
  const alias = new Map([...histories.keys()].map((view, i) => [view, `h${i}`]));
  const joins = [...histories].map(([view, history]) => {
    const h = alias.get(view);
    return `ASOF LEFT JOIN ${history} AS ${h} ON chosen.entity = ${h}.entity AND chosen.${identifier(`seen.${view}`)} >= ${h}.revision`;
  });
  const features = inputs.map(({ view, field }, i) => {
    const value = inputExpression(alias.get(view) as string, field, rulesIn(views, view, field), views[view]?.ttl);
    return `CASE WHEN from_entity THEN ${value} ELSE chosen.f${i} END AS f${i}`;
  });
  const lacks = [...alias].map(
    ([view, h]) => `COALESCE(chosen.${identifier(`seen.${view}`)}, 0) > COALESCE(${h}.revision, 0)`,
  );
  const recorded = inputs.map((_, i) => `chosen.f${i} AS r${i}`);
  const differs = inputs.map((_, i) => `f${i} IS DISTINCT FROM r${i}`);
  return `SELECT prediction, predicted_at, entity, label, ${inputs.map((_, i) => `f${i}`).join(', ')}, incomplete,
      from_entity AND width = ${inputs.length} AND (${differs.join(' OR ')}) AS mismatched
    FROM (SELECT prediction, predicted_at, chosen.entity, label, from_entity, width, ${[...features, ...recorded].join(', ')},
        from_entity AND (${lacks.join(' OR ')}) AS incomplete
      FROM chosen ${joins.join(' ')})
    ORDER BY predicted_at, prediction`;
}

/** What the online reader gives and what `modelInput` makes of it; adding 0 makes 0 of -0. */
function inputExpression(history: string, field: string, rules: FieldRules, ttl: number | undefined): string {
  const [column] = valueColumn(field, rules);
  const value = `${history}.${identifier(column)}`;
  const number = encoded(value, rules);
  const age = `chosen.predicted_at - ${history}.${identifier(`at.${field}`)}`;
  return `TRY_CAST(${ttl === undefined ? number : `CASE WHEN ${age} > ${ttl} THEN NULL ELSE ${number} END`} AS FLOAT) + CAST(0 AS FLOAT)`;
}

function encoded(value: string, rules: FieldRules): string {
  if (rules.type === 'bool') return `CAST(${value} AS INTEGER)`;
  if (rules.type !== 'string') return value;
  const places = (rules.enum ?? []).map((text, place) => ` WHEN ${value} = ${literal(text)} THEN ${place}`);
  return places.length === 0 ? 'NULL' : `CASE${places.join('')} END`;
}

function valueColumn(field: string, rules: FieldRules): [string, ColumnType] {
  const { prefix, type } = VALUE[rules.type];
  return [`${prefix}.${field}`, type];
}

/** @throws RangeError if the view has no such field: specs are checked before they are applied */
function rulesIn(views: FeatureQuery['views'], view: string, field: string): FieldRules {
  const spec = views[view];
  const rules = spec === undefined ? undefined : rulesOf(spec, field);
  if (rules === undefined) throw new RangeError(`no field ${view}.${field}`);
  return rules;
}
