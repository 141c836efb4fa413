import { GyreError, type AppliedSpecs, type FeatureViewSpec, type Lifecycle, type ModelInForce } from '@gyre/contracts';
import { readSpecs, type Catalog, type Specs } from '@gyre/hosting';

/**
 * What applying a YAML text means: the events to append (none for what is in force already) and the answer.
 * @throws GyreError SPEC_INVALID with every problem and its line; COMMAND_REFUSED for a change that versions in service could not follow
 */
export function applySpecs(
  text: string,
  file: string,
  catalog: Catalog,
  actor: string,
  at: number,
): { events: Lifecycle[]; answer: AppliedSpecs } {
  const specs = readSpecs(text, file, catalog.allViews());
  for (const model of specs.models) refuseOtherTask(model, catalog.model(model.name));
  const views = specs.views.map((spec) => ({ spec, changed: differs(spec, catalog.view(spec.name)) }));
  const models = specs.models.map((spec) => ({ spec, changed: differs(spec, catalog.model(spec.name)) }));
  return {
    events: [...views, ...models].filter(({ changed }) => changed).map(({ spec }) => applied(spec, file, actor, at)),
    answer: answerOf(views, models),
  };
}

function answerOf(
  views: { spec: Specs['views'][number]; changed: boolean }[],
  models: { spec: Specs['models'][number]; changed: boolean }[],
): AppliedSpecs {
  return { applied: [...views, ...models].map(({ spec, changed }) => ({ kind: spec.kind, name: spec.name, changed })) };
}

function applied(spec: FeatureViewSpec | ModelInForce, file: string, actor: string, at: number): Lifecycle {
  const base = {
    model: spec.name,
    occurredAt: at,
    actor,
    reason: `${spec.kind} ${spec.name} was applied from ${file}`,
  };
  return spec.kind === 'Model' ? { ...base, type: 'ModelApplied', spec } : { ...base, type: 'ViewApplied', spec };
}

/** Versions answer the question that they were trained for; another question is another model. */
function refuseOtherTask(wanted: ModelInForce, there: ModelInForce | undefined): void {
  if (there === undefined) return;
  const question = ({ inputs, label }: ModelInForce) =>
    JSON.stringify([inputs, label.type, label.type === 'regression' ? [] : label.classes]);
  if (question(wanted) === question(there)) return;
  throw new GyreError(
    'COMMAND_REFUSED',
    `model "${wanted.name}" is in force with other features or another label; its versions cannot answer that: give the model a new name`,
  );
}

function differs(a: object, b: object | undefined): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}
