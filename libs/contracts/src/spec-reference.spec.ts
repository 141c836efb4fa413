import { readFileSync } from 'node:fs';
import { z, type ZodType } from 'zod';
import { FeatureViewSpec } from './feature-view.js';
import { ModelSpec } from './model.js';
import { formatDuration } from './time.js';

const page = readFileSync(new URL('../../../docs/specs.md', import.meta.url), 'utf8');

/** The cells of the tables of a chapter, by the key in the first. */
function documented(chapter: string): Map<string, string[]> {
  const text = page.split(/^## /m).find((part) => part.startsWith(chapter)) ?? '';
  const rows = [...text.matchAll(/^\| `([^`]+)` .*$/gm)];
  return new Map(rows.map(([row, key]) => [key as string, row.split('|').map((cell) => cell.trim())]));
}

interface Node {
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node | boolean;
  anyOf?: Node[];
  oneOf?: Node[];
}

/** Every key that a schema knows, such as `fields.*.min` and `trainers[].kind`. */
function keysOf(node: Node, path = ''): string[] {
  const inner = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((one) => keysOf(one, path));
  const own = Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const there = path === '' ? key : `${path}.${key}`;
    return [there, ...keysOf(child, there)];
  });
  const others = typeof node.additionalProperties === 'object' ? keysOf(node.additionalProperties, `${path}.*`) : [];
  const items = typeof node.items === 'object' ? keysOf(node.items, `${path}[]`) : [];
  return [...new Set([...inner, ...own, ...others, ...items])];
}

const keysIn = (schema: ZodType) => keysOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node);

const view = FeatureViewSpec.parse({ kind: 'FeatureView', name: 'a', entity: 'b', fields: { c: { type: 'float' } } });
const smallest = {
  kind: 'Model',
  name: 'a',
  features: ['b.c'],
  label: { name: 'd', type: 'binary' },
  trainers: [{ kind: 'trees' }],
};
const model = ModelSpec.parse(smallest);
const { l2 } = ModelSpec.parse({
  kind: 'Model',
  name: 'a',
  features: ['b.c'],
  label: { name: 'd', type: 'regression' },
}).trainers[1] as {
  l2: number;
};
const text = (value: unknown) => JSON.stringify(value).replaceAll(',', ', ');
const defaults = (section: string, values: object): [string, string][] =>
  Object.entries(values).map(([key, value]) => [`${section}${key}`, text(value)]);
const [, ...trees] = Object.entries(model.trainers[0] ?? {});

describe('docs/specs.md', () => {
  it.each([
    ['FeatureView', FeatureViewSpec],
    ['Model', ModelSpec],
  ])('tells every key of a %s and no other', (kind, schema) => {
    expect([...documented(kind).keys()].sort()).toEqual(keysIn(schema).sort());
  });

  it.each<[string, string]>([
    ['maxSkew', formatDuration(view.maxSkew)],
    ...defaults('fields.*.', { nullable: view.fields['c']?.nullable, private: view.fields['c']?.private }),
  ])('gives the default of %s of a view: %s', (key, value) => {
    expect(documented('FeatureView').get(key)?.[3]).toBe(`\`${value}\``);
  });

  it.each<[string, string]>([
    ['label.delay', formatDuration(model.label.delay)],
    ['label.horizon', formatDuration(model.label.horizon)],
    ['drift.falseAlarms', `1 per ${Math.round(1 / (model.drift.falseAlarms as number))} rows`],
    ['drift.windowOutcomes', text(model.drift.windowOutcomes)],
    ...defaults('trainers[].', { ...Object.fromEntries(trees), l2 }),
    ...defaults('retraining.', model.retraining),
    ...defaults('rollout.', model.rollout).map(([key, value]): [string, string] => [key, value.replaceAll('"', '')]),
  ])('gives the default of %s of a model: %s', (key, value) => {
    expect(documented('Model').get(key)?.[3]).toBe(`\`${value}\``);
  });

  it('asks for no more labels than the first model is trained on', () => {
    const { retraining } = ModelSpec.parse({ ...smallest, retraining: { bootstrapLabels: 100 } });
    expect(retraining.minLabels).toBe(100);
  });
});
