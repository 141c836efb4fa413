import { GyreError, type AppliedSpecs, type FeatureViewSpec, type Lifecycle, type ModelInForce } from '@gyre/contracts';
import { inputOf, readSpecs, type Catalog, type Specs } from '@gyre/hosting';

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
  const named = new Set(specs.models.map(({ name }) => name));
  const others = catalog.allModels().filter(({ name }) => !named.has(name));
  const followed = others
    .map((model) => withViews(model, specs.views))
    .filter((spec) => differs(spec, catalog.model(spec.name)));
  const views = specs.views.map((spec) => ({ spec, changed: differs(spec, catalog.view(spec.name)) }));
  const models = specs.models.map((spec) => ({ spec, changed: differs(spec, catalog.model(spec.name)) }));
  return {
    events: [...[...views, ...models].filter(({ changed }) => changed).map(({ spec }) => spec), ...followed].map(
      (spec) => applied(spec, file, actor, at),
    ),
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
    JSON.stringify([
      inputs.map(({ view, field }) => [view, field]),
      label.type,
      label.type === 'regression' ? [] : label.classes,
    ]);
  if (question(wanted) === question(there)) return;
  throw new GyreError(
    'COMMAND_REFUSED',
    `model "${wanted.name}" is in force with other features or another label; its versions cannot answer that: give the model a new name`,
  );
}

/**
 * A model in force, reading changed views: their new bounds are its own.
 * @throws GyreError COMMAND_REFUSED where a view no longer serves what the model reads
 */
function withViews(model: ModelInForce, views: readonly FeatureViewSpec[]): ModelInForce {
  const inputs = model.inputs.map((input) => {
    const view = views.find(({ name }) => name === input.view);
    if (view === undefined) return input;
    const field = view.fields[input.field];
    if (field !== undefined && !field.private && field.type !== 'string')
      return inputOf(input.view, input.field, field);
    throw new GyreError(
      'COMMAND_REFUSED',
      `model "${model.name}" reads ${input.view}.${input.field}, which the view would no longer serve as a number; keep the field, or give the view a new name`,
    );
  });
  return { ...model, inputs };
}

function differs(a: object, b: object | undefined): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}
