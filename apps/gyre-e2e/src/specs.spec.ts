import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AppliedSpecs, SpecsInForce } from '@gyre/contracts';
import { elec2 } from './elec2.js';
import { newDirectory, newFile, replay, RunningGyre } from './harness.js';

const SPEC = `kind: FeatureView
name: market
entity: region
fields:
  nswprice: float
  nswdemand: float
---
kind: Model
name: price-direction
features: [market.nswprice, market.nswdemand]
label:
  name: class
  type: binary
  delay: 0s
`;

/** What is wrong, how it is written, and where and how that is told. */
const FAULTS: [string, [string, string], RegExp][] = [
  ['a misspelt key', ['entity: region', 'entitty: region'], /:3:1: entitty: .*did you mean "entity"/],
  ['a misspelt key inside', ['delay: 0s', 'dellay: 0s'], /:14:3: label\.dellay: .*did you mean "delay"/],
  ['an unknown feature', ['market.nswdemand]', 'market.nswdemond]'], /:10:29: features.*nswdemond.*nswdemand/],
  ['a label delay of -1', ['delay: 0s', 'delay: -1'], /:14:3: label\.delay: .*30m/],
  ['a negative label delay', ['delay: 0s', 'delay: -1s'], /:14:3: label\.delay: .*30m/],
];

describe('a faulty spec', () => {
  let running: RunningGyre;
  beforeAll(async () => {
    running = await RunningGyre.start();
  });

  it.each(FAULTS)('with %s is not applied, and its place is told', async (_, [right, wrong], told) => {
    const file = newFile('spec.yaml', SPEC.replace(right, wrong));
    const { code, stderr } = await running.cli('apply', '-f', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(told);
    expect(stderr).toMatch(/Nothing was applied/);
    expect(await running.get<SpecsInForce>('/v1/specs')).toEqual({ views: [], models: [] });
  });

  it('that is not UTF-8 is not applied either, whoever sends it', async () => {
    const body = Buffer.from(SPEC.replace('market', 'm\u00e4rkte'), 'latin1');
    const answer = await fetch(`${running.url}/v1/specs`, { method: 'POST', body });
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('line 2 is not UTF-8')]);
  });

  it.each(FAULTS)('with %s stops a replay before anything starts', async (_, [right, wrong], told) => {
    const file = newFile('spec.yaml', SPEC.replace(right, wrong));
    const dataDir = join(newDirectory(), 'never-made');
    const child = replay(elec2.file, file, ['--limit', '100', '--data-dir', dataDir]);
    expect(await child.ended).toBe(1);
    expect(child.stderr).toMatch(told);
    expect(JSON.parse(child.stdout)).toMatchObject({ error: { code: 'SPEC_INVALID' } });
    expect(existsSync(dataDir)).toBe(false);
  });

  it('once it is right, is applied, described with every default, and unchanged at the second time', async () => {
    const file = newFile('spec.yaml', SPEC);
    const first = await running.cli<AppliedSpecs>('apply', '-f', file);
    expect(first.json.applied.map(({ kind, changed }) => [kind, changed])).toEqual([
      ['FeatureView', true],
      ['Model', true],
    ]);
    await running.settle();
    const second = await running.cli<AppliedSpecs>('apply', '-f', file);
    expect(second.json.applied.map(({ changed }) => changed)).toEqual([false, false]);
    const { json } = await running.cli('describe', 'price-direction');
    expect(json).toMatchObject({ label: { delay: 0, horizon: 604_800_000 }, retraining: { minLabels: 500 } });
  });
});
