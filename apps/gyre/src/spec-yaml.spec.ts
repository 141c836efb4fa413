import { readFileSync } from 'node:fs';
import { readSpecs } from '@gyre/hosting';
import { modelYaml, rateOf, viewYaml } from './spec-yaml.js';

const EXAMPLES = new URL('../../../examples/', import.meta.url);

describe('a spec in force, as YAML', () => {
  it.each(['elec2', 'sea_abrupt', 'rbf_multiclass', 'friedman_drift'])('applied again means the same: %s', (name) => {
    const text = readFileSync(new URL(`${name}.yaml`, EXAMPLES), 'utf8');
    const inForce = readSpecs(text, 'written.yaml');
    const shown = [...inForce.views.map(viewYaml), ...inForce.models.map(modelYaml)].join('---\n');
    const again = readSpecs(shown, 'shown.yaml');
    const [model] = inForce.models;
    const first = model?.label.type === 'regression' ? 0 : model?.label.classes[0];
    expect(again).toEqual({ ...inForce, models: [{ ...model, fallback: { value: first } }] });
  });

  it('shows durations, rates and defaults as people write them', () => {
    const { models } = readSpecs(readFileSync(new URL('elec2.yaml', EXAMPLES), 'utf8'), 'elec2.yaml');
    const [model] = models;
    const text = model === undefined ? '' : modelYaml(model);
    expect(text).toContain('horizon: 60d');
    expect(text).toContain('falseAlarms: 1 per 100000 rows');
    expect(text).toContain('#   market.nswprice');
  });

  it.each(['1 per 30d', '3 per 7d', '0.5 per 1000 rows'])('applied again keeps a dial of %s, and a season', (dial) => {
    const view = 'kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n';
    const text = `${view}---\nkind: Model\nname: m\nfeatures: [v.x]\nlabel: { name: y, type: binary }\ndrift: { falseAlarms: ${dial}, seasonality: 1d, segments: [v.x] }\n`;
    const [model] = readSpecs(text, 'spec.yaml').models;
    const [again] = readSpecs(`${view}---\n${modelYaml(model as NonNullable<typeof model>)}`, 'shown.yaml').models;
    expect(again?.drift).toEqual(model?.drift);
    expect(again?.drift.seasonality).toBe(86_400_000);
  });

  it.each([
    [1e-5, '1 per 100000 rows'],
    [0.01, '1 per 100 rows'],
    [0.003, '3000000 per 1000000000 rows'],
  ])('writes the rate %d', (rate, text) => {
    expect(rateOf(rate)).toBe(text);
  });
});
