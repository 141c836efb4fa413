import { GyreError } from '@gyre/contracts';
import { readSpecs } from './specs.js';

const VIEW = `kind: FeatureView
name: market
entity: region
fields: { price: float, demand: float, owner: { type: string, private: true } }
`;
const model = (lines: string) => `${VIEW}---
kind: Model
name: price-direction
features: [market.*]
${lines}
`;
const problemsOf = (text: string): string => {
  try {
    readSpecs(text, 'spec.yaml');
  } catch (error) {
    if (error instanceof GyreError) return error.message;
    throw error;
  }
  return 'none';
};

describe('specs', () => {
  it('takes a model of a few lines and fills in every default', () => {
    const { views, models } = readSpecs(model('label: { name: class, type: binary }'), 'spec.yaml');
    expect(views.map((view) => view.name)).toEqual(['market']);
    expect(models[0]?.inputs).toEqual([
      { view: 'market', field: 'price' },
      { view: 'market', field: 'demand' },
    ]);
    expect(models[0]?.label).toEqual({
      name: 'class',
      type: 'binary',
      classes: [0, 1],
      delay: 0,
      horizon: 604_800_000,
    });
    expect(models[0]?.trainers.map((trainer) => trainer.kind)).toEqual(['trees', 'linear']);
    expect(models[0]?.rollout.approval).toBe('automatic');
  });

  it('refuses a misspelt key with its place and what was meant', () => {
    expect(problemsOf(model('lable: { name: class, type: binary }'))).toContain(
      'spec.yaml:9:1: lable: unknown key "lable"; did you mean "label"?',
    );
    expect(problemsOf(model('label: { name: class, type: binary }\nrollout: { alhpa: 0.1 }'))).toContain(
      'spec.yaml:10:12: rollout.alhpa: unknown key "alhpa"; did you mean "alpha"?',
    );
  });

  it('refuses a negative delay with path and line', () => {
    expect(problemsOf(model('label:\n  name: class\n  type: binary\n  delay: -1'))).toMatch(
      /^spec\.yaml:12:3: label\.delay: .*30m; got -1$/,
    );
    expect(problemsOf(model('label:\n  name: class\n  type: binary\n  delay: "-1s"'))).toMatch(
      /^spec\.yaml:12:3: label\.delay: .*not a duration/,
    );
  });

  it('refuses unknown views and features with the ones there are', () => {
    const text = `${VIEW}---\nkind: Model\nname: m\nfeatures: [market.pirce, markt.demand, market.owner]\nlabel: { name: y, type: regression }\n`;
    expect(problemsOf(text).split('\n')).toEqual([
      'spec.yaml:8:12: features[0]: unknown feature "pirce" of view "market"; did you mean "price"?',
      'spec.yaml:8:26: features[1]: unknown view "markt"; did you mean "market"?',
      'spec.yaml:8:40: features[2]: "market.owner" is private: it leaves gyre.ingest for nowhere, so no model can see it',
    ]);
  });

  it('refuses segments that are no input, and fairness of what is not binary', () => {
    const text =
      'kind: FeatureView\nname: v\nentity: e\nfields: { region: int }\n---\nkind: Model\nname: m\nfeatures: [v.region]\nlabel: { name: y, type: regression }\ndrift: { segments: [v.regoin], fairness: [v.region] }\n';
    const problems = problemsOf(text);
    expect(problems).toMatch(/10:.*"v\.regoin" is no input of the model; did you mean "v\.region"\?/);
    expect(problems).toMatch(/10:.*it is measured for binary labels only/);
  });

  it('tells the problems of all documents at once', () => {
    const text =
      'kind: FeatureView\nname: Market\nentity: region\nfields: { price: flaot }\n---\nkind: Modle\nname: m\n';
    const problems = problemsOf(text);
    expect(problems).toContain('spec.yaml:2:1: name:');
    expect(problems).toContain('spec.yaml:4:11: fields.price:');
    expect(problems).toContain('spec.yaml:6:1: kind: unknown kind "Modle"; did you mean "Model"?');
  });

  it.each([
    [
      model('label: { name: y, type: regression, classes: 3 }'),
      '9:37: label.classes: unknown key "classes"; it belongs to type: binary or type: multiclass',
    ],
    [
      model('label: { name: y, type: binary }\ntrainers: [{ kind: linear, rounds: 5 }]'),
      '10:28: trainers[0].rounds: unknown key "rounds"; it belongs to kind: trees',
    ],
    [
      model('label: { name: y, type: binary }\ntrainers: [{ kind: linear, l3: 5 }]'),
      '10:28: trainers[0].l3: unknown key "l3"; did you mean "l2"?',
    ],
    [
      'kind: FeatureView\nname: v\nentity: e\nfields: { größe: float }',
      '4:11: fields.größe: a field is 1 to 63 letters, digits and underscores, and starts with no digit',
    ],
    ['kind: FeatureView\nname: v\nentity: e', '1:1: fields: expected a mapping; it is missing'],
    [
      model('label: { name: y, type: binary, classes: [1, "1"] }'),
      '9:46: label.classes[1]: "1" cannot be told from 1 of classes[0]: classes compare by how they are written',
    ],
    [
      model('label: { name: y, type: multiclass, classes: [a, b, a] }'),
      'label.classes[2]: "a" cannot be told from "a" of classes[0]',
    ],
    [
      model('label: { name: y, type: binary }\nretraining: { bootstrapLabels: 100, minLabels: 500 }'),
      'retraining.minLabels: must not exceed bootstrapLabels, or the first run is declined when its labels have come: minLabels is 500, bootstrapLabels 100',
    ],
    [model('label: { name: y, type: binary }\ndrift: { windowOutcomes: 3 }'), 'must be at least 20; got 3'],
    [model('label: { name: y, type: multiclass }'), '9:1: label.classes: expected a number or a list; it is missing'],
    [
      model('label: { name: y, type: binry }'),
      '9:19: label.type: expected one of "binary", "multiclass", "regression"; got "binry"; did you mean "binary"?',
    ],
    [
      model('label: { name: y, type: binary }\nrollout: { approval: manul }'),
      '10:12: rollout.approval: expected one of "automatic", "manual"; got "manul"; did you mean "manual"?',
    ],
    [
      model('label: { name: y, type: binary }\nretraining: { bootstrapLabels: 1e400 }'),
      '10:15: retraining.bootstrapLabels: expected a number; got Infinity',
    ],
    [
      model('label: { name: y, type: binary }\nlabel: { name: z, type: binary }'),
      '10:1: label: the key "label" stands twice in one mapping, first in line 9; keep one of them',
    ],
    [
      model('label: { name: y, type: binary }\ntrainers: [trees, { kind: linear, l2: 1, l2: 2 }]'),
      '10:42: trainers[1].l2: the key "l2" stands twice in one mapping, first in line 10',
    ],
    [
      model('label: { name: y, type: binary }').replace('[market.*]', '[market.price, market.*, market.price]'),
      '8:36: features[2]: it is the same as features[0]',
    ],
    [
      model('label: { name: y, type: binary }\ntrainers: [trees, { kind: trees, rounds: 150 }]'),
      '10:19: trainers[1]: it is the same as trainers[0]',
    ],
    [
      'kind: FeatureView\nname: v\nentity: e\nfields: { a: float, __proto__: float }',
      '4:21: the key "__proto__" is reserved',
    ],
    [
      'kind: FeatureView\nname: v\nentity: e\nfields: { constructor: float }',
      '4:11: fields.constructor: this name is reserved',
    ],
    [
      `a: &a [1, 1, 1, 1, 1, 1, 1, 1]\nb: &b [${'*a, '.repeat(9)}]\nc: [${'*b, '.repeat(20)}]\n`,
      '2:8: aliases cannot be followed',
    ],
  ])('says in plain words what would be right, and where: %j', (text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  it('lets one feature come before all others of its view, and a trainer be tried with two settings', () => {
    const text = model('label: { name: y, type: binary }\ntrainers: [linear, { kind: linear, l2: 9 }]');
    const [inForce] = readSpecs(text.replace('[market.*]', '[market.demand, market.*]'), 'spec.yaml').models;
    expect(inForce?.inputs.map(({ field }) => field)).toEqual(['demand', 'price']);
    expect(inForce?.trainers).toHaveLength(2);
  });

  it('tells an unknown feature beside whatever else is wrong with the model, and none of a view that is wrong itself', () => {
    const text = model('label: { name: y, type: binary, delay: -1 }').replace('market.*', 'market.constructor');
    expect(problemsOf(text).split('\n')).toEqual([
      expect.stringMatching(/^spec\.yaml:8:12: features\[0\]: unknown feature "constructor" of view "market"/),
      expect.stringMatching(/^spec\.yaml:9:33: label\.delay: /),
    ]);
    const broken = model('label: { name: y, type: binary }').replace('price: float', 'price: flaot');
    expect(problemsOf(broken).split('\n')).toEqual([expect.stringContaining('fields.price')]);
  });

  it('says where YAML itself breaks', () => {
    expect(problemsOf('kind: [')).toMatch(/^spec\.yaml:1:\d+: /);
  });
});
