import { FeatureViewSpec, GyreError, ModelSpec, type Field, type ModelInForce, type ModelInput } from '@gyre/contracts';
import { nearest } from './spelling.js';
import { invalid, parseYaml, type Problem, type YamlDocument } from './yaml.js';

export interface Specs {
  views: FeatureViewSpec[];
  models: ModelInForce[];
}

const KINDS = ['FeatureView', 'Model'];

/**
 * The specs of a YAML file, strict, with every default filled in and every feature reference resolved.
 *
 * @param inForce views applied before, which models of this file may name too
 * @throws GyreError SPEC_INVALID, naming every problem with file, line, path and what would be right
 */
export function readSpecs(text: string, file: string, inForce: readonly FeatureViewSpec[] = []): Specs {
  const documents = parseYaml(text, file, 'SPEC_INVALID');
  if (documents.length === 0)
    throw invalid('SPEC_INVALID', [{ file, line: 1, column: 1, path: '', problem: 'holds no spec' }]);
  const problems: Problem[] = [];
  const views = new Map(inForce.map((view) => [view.name, view]));
  const own: Specs = { views: [], models: [] };
  /** Views of this file that are not as they should be: what refers to them is judged when they are mended. */
  const broken = new Set<unknown>();
  for (const document of documents.filter((d) => kindOf(d) === 'FeatureView')) {
    broken.add(memberOf(document, 'name'));
    collecting(problems, () => {
      const view = document.parse(FeatureViewSpec, 'SPEC_INVALID');
      if (own.views.some((other) => other.name === view.name))
        problems.push(document.problem(['name'], `a view named "${view.name}" stands above already`));
      own.views.push(view);
      views.set(view.name, view);
      broken.delete(view.name);
    });
  }
  for (const document of documents.filter((d) => kindOf(d) !== 'FeatureView')) {
    collecting(problems, () => {
      const kind = kindOf(document);
      if (kind !== 'Model') throw invalid('SPEC_INVALID', [wrongKind(document, kind)]);
      const inputs = referencesOf(document).flatMap(({ reference, i }) =>
        resolve(reference, views, broken, (problem) => problems.push(document.problem(['features', i], problem))),
      );
      const spec = document.parse(ModelSpec, 'SPEC_INVALID');
      if (own.models.some((other) => other.name === spec.name))
        problems.push(document.problem(['name'], `a model named "${spec.name}" stands above already`));
      const inOrder = unique(inputs);
      problems.push(...repeated(spec, document));
      problems.push(...fallbackProblems(spec, inOrder, document), ...groupProblems(spec, inOrder, document));
      own.models.push({ ...spec, inputs: inOrder });
    });
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  if (problems.length > 0) throw invalid('SPEC_INVALID', problems);
  return own;
}

/** What is written twice was meant to be something else, or would be trained twice for nothing. `view.*` may repeat a field: who names one first gives it its place. */
function repeated(spec: ModelSpec, document: YamlDocument): Problem[] {
  return (['features', 'trainers'] as const).flatMap((key) => {
    const written = spec[key].map((entry) => JSON.stringify(entry));
    return written.flatMap((entry, i) => {
      const first = written.indexOf(entry);
      return first === i
        ? []
        : [document.problem([key, i], `it is the same as ${key}[${first}]; leave one of them out`)];
    });
  });
}

/** Predictions carry the model's inputs, and so these are what answers can be told apart by. */
function groupProblems(spec: ModelSpec, inputs: readonly ModelInput[], document: YamlDocument): Problem[] {
  const names = inputs.map(({ view, field }) => `${view}.${field}`);
  const unknown = (['segments', 'fairness'] as const).flatMap((key) =>
    spec.drift[key].flatMap((feature, i) => {
      if (names.includes(feature)) return [];
      const meant = nearest(feature, names);
      const advice = meant === undefined ? `its inputs are ${names.join(', ')}` : `did you mean "${meant}"?`;
      return [document.problem(['drift', key, i], `"${feature}" is no input of the model; ${advice}`)];
    }),
  );
  if (spec.drift.fairness.length === 0 || spec.label.type === 'binary') return unknown;
  return [...unknown, document.problem(['drift', 'fairness'], 'it is measured for binary labels only')];
}

function kindOf(document: YamlDocument): unknown {
  return memberOf(document, 'kind');
}

function memberOf({ value }: YamlDocument, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** The well-formed ones, with their places, however the rest of the model looks. */
function referencesOf(document: YamlDocument): { reference: string; i: number }[] {
  const listed = memberOf(document, 'features');
  return (Array.isArray(listed) ? listed : []).flatMap((reference: unknown, i) =>
    typeof reference === 'string' && /^[^.]+\.[^.]+$/.test(reference) ? [{ reference, i }] : [],
  );
}

function wrongKind(document: YamlDocument, kind: unknown): Problem {
  if (kind === undefined) return document.problem(['kind'], `it is missing; kinds are ${KINDS.join(' and ')}`);
  const meant = nearest(String(kind), KINDS);
  return document.problem(
    ['kind'],
    `unknown kind "${String(kind)}"; ${meant === undefined ? `kinds are ${KINDS.join(' and ')}` : `did you mean "${meant}"?`}`,
  );
}

function resolve(
  reference: string,
  views: ReadonlyMap<string, FeatureViewSpec>,
  broken: ReadonlySet<unknown>,
  complain: (problem: string) => void,
): ModelInput[] {
  const [viewName, fieldName] = reference.split('.') as [string, string];
  if (broken.has(viewName)) return [];
  const view = views.get(viewName);
  if (view === undefined) {
    const there = [...views.keys()];
    const meant = nearest(viewName, there);
    complain(
      `unknown view "${viewName}"; ${meant === undefined ? `there are: ${there.join(', ') || 'none'}` : `did you mean "${meant}"?`}`,
    );
    return [];
  }
  if (fieldName === '*') {
    return Object.entries(view.fields)
      .filter(([, field]) => !field.private && field.type !== 'string')
      .map(([name, field]) => inputOf(viewName, name, field));
  }
  const field = Object.hasOwn(view.fields, fieldName) ? view.fields[fieldName] : undefined;
  if (field === undefined) {
    const there = Object.keys(view.fields);
    const meant = nearest(fieldName, there);
    complain(
      `unknown feature "${fieldName}" of view "${viewName}"; ${meant === undefined ? `there are: ${there.join(', ')}` : `did you mean "${meant}"?`}`,
    );
  } else if (field.private) {
    complain(`"${reference}" is private: it leaves gyre.ingest for nowhere, so no model can see it`);
  } else if (field.type === 'string') {
    complain(`"${reference}" is a string; models take float, int and bool`);
  } else {
    return [inputOf(viewName, fieldName, field)];
  }
  return [];
}

/** A model's input as its view declares it. */
export function inputOf(view: string, field: string, { min, max }: Field): ModelInput {
  return { view, field, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

function fallbackProblems(spec: ModelSpec, inputs: readonly ModelInput[], document: YamlDocument): Problem[] {
  const { fallback } = spec;
  if (fallback === undefined) return [];
  const rules = fallback.rules ?? [];
  const known = inputs.map(({ view, field }) => `${view}.${field}`);
  const unknown = rules.flatMap(({ when }, i) =>
    Object.keys(when)
      .filter((name) => !known.includes(name))
      .map((name) => {
        const meant = nearest(name, known);
        const advice = meant === undefined ? `its features are ${known.join(', ')}` : `did you mean "${meant}"?`;
        return document.problem(
          ['fallback', 'rules', i, 'when', name],
          `the model has no feature "${name}"; ${advice}`,
        );
      }),
  );
  const values: [(string | number)[], string | number | boolean][] = rules.map(({ value }, i) => [
    ['fallback', 'rules', i, 'value'],
    value,
  ]);
  if ('value' in fallback) values.push([['fallback', 'value'], fallback.value]);
  return [...unknown, ...values.flatMap(([path, value]) => valueProblems(spec, value, path, document))];
}

function valueProblems(
  spec: ModelSpec,
  value: string | number | boolean,
  path: (string | number)[],
  document: YamlDocument,
): Problem[] {
  if (spec.label.type === 'regression') {
    return typeof value === 'number'
      ? []
      : [document.problem(path, `a regression answers numbers, got ${JSON.stringify(value)}`)];
  }
  if (spec.label.classes.includes(value)) return [];
  return [
    document.problem(path, `${JSON.stringify(value)} is none of the classes ${JSON.stringify(spec.label.classes)}`),
  ];
}

function unique(inputs: readonly ModelInput[]): ModelInput[] {
  return [...new Map(inputs.map((input) => [`${input.view}.${input.field}`, input])).values()];
}

/** Goes on after a faulty document, so that one reading tells all problems. */
function collecting(problems: Problem[], read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof GyreError) || !Array.isArray(error.details['problems'])) throw error;
    problems.push(...(error.details['problems'] as Problem[]));
  }
}
