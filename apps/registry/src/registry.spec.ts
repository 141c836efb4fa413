import { topics, type Candidate, type Lifecycle, type LifecycleOf, type LifecycleType } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { keep } from './keep.js';
import type { ModelRecord } from './model-record.js';
import { servedAt } from './served-at.js';

const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
const evidence = { pairs: 900, mean: 0.1, lower: 0.01, upper: 0.2, alpha: 0.025 };

let platform: EmbeddedPlatform;
let time = 0;
beforeEach(() => {
  time = 0;
  platform = EmbeddedPlatform.inMemory({});
  platform.run(keep);
});
afterEach(() => platform.close());

async function applied(rollout = ''): Promise<void> {
  const text = `kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\nkind: Model\nname: m\nfeatures: [v.x]\nlabel: { name: y, type: binary }\nrollout: { ${rollout} }\n`;
  const [spec] = readSpecs(text, 'spec.yaml').models;
  await hears({ ...base, type: 'ModelApplied', spec: spec as NonNullable<typeof spec> });
}
async function hears(...events: Lifecycle[]): Promise<void> {
  await platform.append(topics.lifecycle, events);
  await platform.settled();
}
async function ticks(): Promise<void> {
  await platform.tick((time += 1_000));
  await platform.settled();
}

const candidate = (changes: Partial<Candidate> = {}): Candidate => ({
  name: 'trees on the last 1000 rows',
  trainer: 'trees',
  trainingRows: 1_000,
  onnx: 'a'.repeat(64),
  manifest: 'b'.repeat(64),
  metrics: { loss: 0.5 },
  baseline: { loss: 0.69 },
  onnxDifferenceMax: 1e-7,
  ...changes,
});
const trained = (run: string, ...candidates: Candidate[]): Lifecycle => ({
  ...base,
  type: 'TrainingFinished',
  run,
  trigger: 'drift',
  candidates,
  reference: [],
  failure: null,
});

async function decided(
  challenger: number,
  verdict: LifecycleOf<'ComparisonDecided'>['verdict'],
  changes: Partial<LifecycleOf<'ComparisonDecided'>> = {},
): Promise<void> {
  const { champion, rollout } = await record();
  const where = {
    rollout: rollout?.name ?? '',
    incumbent: champion ?? 0,
    at: { prediction: 'p', request: null, labels: 1 },
  };
  await hears({
    ...base,
    type: 'ComparisonDecided',
    role: 'challenger',
    challenger,
    verdict,
    evidence,
    ...where,
    ...changes,
  });
}
async function record(): Promise<ModelRecord> {
  return (await platform.states<ModelRecord>(keep, ['m'])).get('m') as ModelRecord;
}
async function told<T extends LifecycleType>(type: T): Promise<LifecycleOf<T>[]> {
  const found: LifecycleOf<T>[] = [];
  for await (const { event } of platform.read(topics.lifecycle))
    if (event.type === type) found.push(event as LifecycleOf<T>);
  return found;
}
async function serving(): Promise<{ champion: number | undefined; shadows: number[] }> {
  const last = (await told('ServingChanged')).at(-1);
  return { champion: last?.champion?.version, shadows: last?.shadows.map(({ version }) => version) ?? [] };
}

/** Runs that end one after the other, each with its tick. */
async function runs(...trainings: Lifecycle[]): Promise<void> {
  for (const training of trainings) {
    await hears(training);
    await ticks();
  }
}
/** Version 1 serves, version 2 is in shadow. */
async function underWay(rollout = ''): Promise<void> {
  await applied(rollout);
  await runs(trained('r1', candidate()), trained('r2', candidate()));
}

describe('gates', () => {
  it.each<[string, Partial<Candidate>, RegExp]>([
    [
      'is no better than always answering the same',
      { metrics: { loss: 0.68 } },
      /beats the baseline \(0\.680, limit 0\.676\)/,
    ],
    ['has no loss at all', { metrics: { loss: null } }, /beats the baseline \(undefined/],
    ['differs between ONNX and trainer', { onnxDifferenceMax: 2e-5 }, /onnx agrees/],
  ])('refuse a candidate that %s, first or not', async (_, changes, reason) => {
    await applied();
    await runs(trained('r1', candidate(changes)));
    expect(await serving()).toEqual({ champion: undefined, shadows: [] });
    await runs(trained('r2', candidate()), trained('r3', candidate(changes)));
    const refused = await told('VersionRefused');
    expect(refused).toHaveLength(2);
    expect(refused[0]?.reason).toMatch(reason);
    expect(await serving()).toEqual({ champion: 1, shadows: [] });
  });
});

describe('the registry', () => {
  it('lets the first version serve that passes its gates', async () => {
    await applied();
    await runs(trained('r1', candidate()));
    expect(await serving()).toEqual({ champion: 1, shadows: [] });
    expect(await told('Promoted')).toMatchObject([{ version: 1, from: null, evidence: null }]);
  });

  it('scores later ones in shadow, the best of a run, and splits alpha over them', async () => {
    await applied('alpha: 0.09, maxChallengers: 3');
    await runs(trained('r1', candidate()));
    await runs(trained('r2', candidate(), candidate(), candidate()));
    expect(await serving()).toEqual({ champion: 1, shadows: [2, 3] });
    expect((await told('RolloutStarted'))[0]?.challengers.map(({ alpha, rule }) => [alpha, rule])).toEqual([
      [0.03, 'better'],
      [0.03, 'better'],
    ]);
    expect(await told('VersionRefused')).toMatchObject([{ run: 'r2', reason: expect.stringMatching(/2 better ones/) }]);
  });

  it('promotes what the paired test proved better, at the next tick and not before, and keeps the old one in shadow', async () => {
    await underWay();
    await decided(2, 'better');
    expect(await serving()).toEqual({ champion: 1, shadows: [2] });
    await ticks();
    expect(await serving()).toEqual({ champion: 2, shadows: [1] });
    expect((await told('Promoted')).at(-1)).toMatchObject({ version: 2, from: 1, evidence });
    expect((await told('RolloutStarted')).at(-1)?.challengers).toMatchObject([
      { version: 1, role: 'previous', rule: 'better', pairsMax: 1_000 },
    ]);
  });

  it.each(['worse', 'inconclusive'] as const)('takes a challenger out of shadow that is %s', async (verdict) => {
    await underWay();
    await decided(2, verdict);
    await ticks();
    expect(await serving()).toEqual({ champion: 1, shadows: [] });
    expect((await told('RolloutEnded')).at(-1)?.outcome).toBe('decided');
  });

  it('promotes the best of two that are proved better at one tick', async () => {
    await applied();
    await runs(trained('r1', candidate()));
    await runs(trained('r2', candidate(), candidate()));
    await decided(2, 'better');
    await decided(3, 'better', { evidence: { ...evidence, lower: 0.05 } });
    await ticks();
    expect((await serving()).champion).toBe(3);
    expect(await told('Promoted')).toHaveLength(2);
  });

  it('goes on with an undecided challenger beside a new one', async () => {
    await applied('maxChallengers: 2');
    await runs(trained('r1', candidate()));
    await runs(trained('r2', candidate()));
    await runs(trained('r3', candidate()));
    expect(await serving()).toEqual({ champion: 1, shadows: [3, 2] });
    expect((await told('RolloutStarted')).at(-1)).toMatchObject({ continues: 'm-rollout-1', rollout: 'm-rollout-2' });
    await runs(trained('r4', candidate()));
    expect(await serving()).toEqual({ champion: 1, shadows: [4, 3] });
  });

  it('asks of challengers only that they are not worse, once the loss is confirmed, until the next promotion', async () => {
    await applied();
    await runs(trained('r1', candidate()));
    const drift: Lifecycle = {
      ...base,
      type: 'DriftDetected',
      version: 1,
      kind: 'concept',
      detector: 'adwin',
      feature: null,
      observations: 9,
      before: 0.1,
      after: 0.3,
      at: { prediction: 'p', request: null, labels: 1 },
    };
    await runs({ ...drift, kind: 'covariate' }, trained('r2', candidate()));
    await runs(drift, trained('r3', candidate()));
    const rules = async () =>
      (await told('RolloutStarted')).at(-1)?.challengers.map(({ version, rule }) => `${version} ${rule}`);
    expect(await rules()).toEqual(['3 notWorse', '2 better']);
    await decided(3, 'notWorse');
    await ticks();
    await runs(trained('r4', candidate()));
    expect(await rules()).toEqual(['1 better', '4 better']);
  });

  it('asks for better ones again when the loss is over', async () => {
    await applied();
    await runs(trained('r1', candidate()));
    const at = { prediction: 'p', request: null, labels: 1 };
    const lost = {
      ...base,
      type: 'PerformanceDropped',
      version: 1,
      metric: 'loss',
      value: 1,
      reference: 0.5,
      at,
    } as const;
    const over: LifecycleOf<'IncidentClosed'> = {
      ...base,
      type: 'IncidentClosed',
      incident: 'm-incident-1',
      version: 1,
      kind: 'concept',
      severity: 'warning',
      pages: true,
      causes: [],
      loss: null,
      openedAt: 1,
      at,
      outcome: 'recovered',
    };
    const rule = async () => (await told('RolloutStarted')).at(-1)?.challengers[0]?.rule;
    await runs(lost, { ...over, kind: 'covariate' }, trained('r2', candidate()));
    expect(await rule()).toBe('notWorse');
    // Closed at the very tick at which the run is judged: it may come before or after, so it counts from the next one on.
    await hears({ ...over, occurredAt: time + 1_000 });
    await runs(trained('r3', candidate()));
    expect(await rule()).toBe('notWorse');
    await runs(trained('r4', candidate()));
    expect(await rule()).toBe('better');
    await runs(lost, trained('r5', candidate()));
    expect(await rule()).toBe('notWorse');
  });

  it('takes the new champion back by itself when the old one proves better in the bake period', async () => {
    await underWay();
    await decided(2, 'better');
    await ticks();
    await decided(1, 'better', { role: 'previous' });
    await ticks();
    expect(await serving()).toEqual({ champion: 1, shadows: [] });
    expect(await told('RolledBack')).toMatchObject([{ version: 1, from: 2, evidence }]);
    expect(await record()).toMatchObject({ champion: 1, previous: null, rollbacks: 1 });
  });

  it('ends the bake period when nothing was found against the new champion', async () => {
    await underWay();
    await decided(2, 'better');
    await ticks();
    await decided(1, 'inconclusive', { role: 'previous' });
    await ticks();
    expect(await serving()).toEqual({ champion: 2, shadows: [] });
    expect(await record()).toMatchObject({ previous: 1 });
  });

  it('ignores comparisons with a champion that serves no more', async () => {
    await underWay();
    await decided(2, 'better', { incumbent: 7 });
    await ticks();
    expect(await serving()).toEqual({ champion: 1, shadows: [2] });
  });

  it('waits for a person where the spec asks for approval', async () => {
    await underWay('approval: manual');
    await decided(2, 'better');
    await ticks();
    expect((await serving()).champion).toBe(1);
    expect(await told('PromotionHeld')).toMatchObject([
      { version: 2, reason: expect.stringContaining('gyre promote m 2') },
    ]);
    await hears({ ...base, type: 'PromoteCommanded', actor: 'jane', reason: 'looks right', version: 2 });
    expect((await serving()).champion).toBe(2);
    expect((await told('Promoted')).at(-1)).toMatchObject({
      actor: 'jane',
      reason: expect.stringContaining('looks right'),
    });
  });

  it('refuses commands that it cannot follow, and says why', async () => {
    await underWay();
    const jane = { ...base, actor: 'jane' };
    await hears({ ...jane, type: 'PromoteCommanded', version: 9 });
    await hears({ ...jane, type: 'PromoteCommanded', version: 1 });
    await hears({ ...jane, type: 'RollbackCommanded', version: 1 });
    expect((await serving()).champion).toBe(1);
    expect((await told('CommandRefused')).map(({ command, version, reason }) => [command, version, reason])).toEqual([
      ['promote', 9, 'the promotion that jane commanded is refused: there is no version 9 that has passed its gates'],
      ['promote', 1, 'the promotion that jane commanded is refused: version 1 serves already'],
      ['rollback', 1, 'the rollback that jane commanded is refused: there is no previous version to go back to'],
    ]);
  });

  it('takes back the version that the person meant, and no other that was promoted meanwhile', async () => {
    await underWay();
    await hears({ ...base, type: 'PromoteCommanded', version: 2 });
    await hears({ ...base, type: 'RollbackCommanded', version: 1 });
    expect((await serving()).champion).toBe(2);
    expect(await told('CommandRefused')).toMatchObject([
      { reason: expect.stringContaining('it was to take back version 1, and version 2 serves now') },
    ]);
    await hears({ ...base, type: 'RollbackCommanded', version: 2 });
    expect((await serving()).champion).toBe(1);
  });

  it('goes back on command', async () => {
    await underWay();
    await decided(2, 'better');
    await ticks();
    await hears({ ...base, type: 'RollbackCommanded', actor: 'jane', reason: 'customers complain' });
    expect((await serving()).champion).toBe(1);
    expect((await told('RolledBack'))[0]?.actor).toBe('jane');
  });

  it('tells what served at any time, and why', async () => {
    await applied();
    // What it was trained on may be much older: the run takes its time.
    await runs({ ...trained('r1', candidate()), occurredAt: 10 }, { ...trained('r2', candidate()), occurredAt: 20 });
    await decided(2, 'better');
    await ticks();
    const log: Lifecycle[] = [];
    for await (const { event } of platform.read(topics.lifecycle)) log.push(event);
    expect(servedAt(log, 999)).toMatchObject({ version: null, since: null });
    expect(servedAt(log, 2_999)).toMatchObject({ version: 1, since: 1_000, actor: 'registry' });
    expect(servedAt(log, 3_000)).toMatchObject({ version: 2, since: 3_000, evidence });
  });

  it('shares requests out as the spec says, among versions that there are, and takes the shares back with it', async () => {
    const arms = async (): Promise<unknown> =>
      (await told('ServingChanged')).at(-1)?.arms?.map(({ version, weight, role }) => [version, weight, role]);
    await underWay();
    expect(await arms()).toBeUndefined();
    await applied('split: [{ version: 2, weight: 0.1, role: canary }, { version: 9, weight: 0.2 }]');
    expect(await arms()).toEqual([[2, 0.1, 'canary']]);
    expect((await told('ServingChanged')).at(-1)?.reason).toContain(
      'the spec gives version 2 10 % and 9 20 % (not there yet)',
    );
    await hears({ ...base, type: 'PromoteCommanded', version: 2 });
    expect(await arms()).toBeUndefined();
    await hears({ ...base, type: 'PromoteCommanded', version: 1 });
    expect(await arms()).toEqual([[2, 0.1, 'canary']]);
    const before = (await told('ServingChanged')).length;
    await applied('split: [{ version: 2, weight: 0.1, role: canary }, { version: 9, weight: 0.2 }]');
    expect(await told('ServingChanged')).toHaveLength(before);
    await applied();
    expect(await arms()).toBeUndefined();
  });
});

describe('a canary', () => {
  const shares = async () => {
    const last = (await told('ServingChanged')).at(-1);
    return {
      champion: last?.champion?.version,
      arms: last?.arms?.map(({ version, weight, role }) => [version, weight, role]) ?? [],
      shadows: last?.shadows.map(({ version }) => version),
    };
  };
  /** Version 2 has proved itself in shadow. */
  const begun = async (canary = 'canary: { weight: 0.2, pairs: 300 }'): Promise<void> => {
    await underWay(canary);
    await decided(2, 'better');
    await ticks();
  };

  it('answers its share and is scored beside the champion, whose tenure goes on', async () => {
    await begun();
    expect(await shares()).toEqual({ champion: 1, arms: [[2, 0.2, 'canary']], shadows: [2] });
    expect((await told('RolloutStarted')).at(-1)?.challengers).toMatchObject([
      { version: 2, role: 'canary', pairsMax: 300, alpha: 0.05 },
    ]);
    expect(await told('CanaryStarted')).toMatchObject([
      { version: 2, incumbent: 1, weight: 0.2, reason: expect.stringContaining('answers 20 % of the requests') },
    ]);
  });

  it('becomes champion when it was not found worse', async () => {
    await begun();
    await decided(2, 'notWorse', { role: 'canary', reason: 'no worse in 300 pairs' });
    await ticks();
    expect(await shares()).toEqual({ champion: 2, arms: [], shadows: [1] });
    expect(await told('CanaryEnded')).toMatchObject([
      { version: 2, outcome: 'passed', evidence, reason: 'canary 2 is through: no worse in 300 pairs' },
    ]);
    expect((await told('Promoted')).at(-1)).toMatchObject({ version: 2, from: 1 });
  });

  it('is stopped when it is found worse, by itself, and the timeline says why', async () => {
    await begun();
    await decided(2, 'worse', { role: 'canary', reason: 'version 2 is worse than 1: it loses 0.3 more' });
    await ticks();
    expect(await shares()).toEqual({ champion: 1, arms: [], shadows: [] });
    const [ended] = await told('CanaryEnded');
    expect(ended).toMatchObject({ version: 2, incumbent: 1, outcome: 'aborted', evidence });
    expect(ended?.reason).toContain(
      'version 1 answers all requests again: version 2 is worse than 1: it loses 0.3 more',
    );
    expect(await told('RolledBack')).toEqual([]);
  });

  it('goes first, and what proved better meanwhile follows it when it is stopped', async () => {
    await begun();
    await runs(trained('r3', candidate()));
    await decided(3, 'better');
    await ticks();
    expect(await shares()).toEqual({ champion: 1, arms: [[2, 0.2, 'canary']], shadows: [2, 3] });
    await decided(2, 'worse', { role: 'canary' });
    await ticks();
    expect(await shares()).toEqual({ champion: 1, arms: [[3, 0.2, 'canary']], shadows: [3] });
  });

  it('goes first also where a person has the last word, and what proved itself meanwhile follows when it is through', async () => {
    await begun('canary: { weight: 0.2, pairs: 300 }, approval: manual');
    await runs(trained('r3', candidate()));
    await decided(3, 'better');
    await ticks();
    await decided(2, 'notWorse', { role: 'canary' });
    await ticks();
    expect(await told('PromotionHeld')).toMatchObject([{ version: 2 }]);
    expect(await shares()).toEqual({ champion: 1, arms: [[3, 0.2, 'canary']], shadows: [3] });
    await decided(3, 'notWorse', { role: 'canary' });
    await ticks();
    expect(await told('PromotionHeld')).toMatchObject([{ version: 2 }, { version: 3 }]);
    expect(await shares()).toEqual({ champion: 1, arms: [], shadows: [] });
  });

  it('is the best of those that prove themselves at one tick; the others wait, and those found worse leave', async () => {
    await applied('canary: { weight: 0.2, pairs: 300 }, maxChallengers: 4');
    await runs(trained('r1', candidate()));
    await runs(trained('r2', candidate(), candidate(), candidate()));
    await decided(2, 'better');
    await decided(3, 'better', { evidence: { ...evidence, lower: 0.05 } });
    await decided(4, 'worse');
    await ticks();
    expect(await shares()).toEqual({ champion: 1, arms: [[3, 0.2, 'canary']], shadows: [3, 2] });
    await decided(3, 'worse', { role: 'canary' });
    await ticks();
    expect(await shares()).toEqual({ champion: 1, arms: [[2, 0.2, 'canary']], shadows: [2] });
  });

  it('does not cost what waits for it its place, however many newer challengers come', async () => {
    await begun('canary: { weight: 0.2, pairs: 300 }, maxChallengers: 2');
    await runs(trained('r3', candidate()));
    await decided(3, 'better');
    await ticks();
    await runs(trained('r4', candidate()), trained('r5', candidate()));
    await decided(2, 'worse', { role: 'canary' });
    await ticks();
    expect((await shares()).arms).toEqual([[3, 0.2, 'canary']]);
  });

  it('waits for a person at its end, where the spec asks for approval', async () => {
    await begun('canary: {}, approval: manual');
    expect((await shares()).arms).toEqual([[2, 0.1, 'canary']]);
    await decided(2, 'notWorse', { role: 'canary' });
    await ticks();
    expect(await told('PromotionHeld')).toMatchObject([{ version: 2 }]);
    expect(await shares()).toMatchObject({ champion: 1, arms: [] });
  });

  it('gets the share that the spec names now, and none where it names no canary any more', async () => {
    await begun();
    await applied('canary: { weight: 0.4, pairs: 300 }');
    expect((await shares()).arms).toEqual([[2, 0.4, 'canary']]);
    await applied();
    expect(await shares()).toEqual({ champion: 1, arms: [], shadows: [] });
    expect(await told('CanaryEnded')).toMatchObject([
      { outcome: 'aborted', reason: expect.stringContaining('the spec') },
    ]);
  });

  it('ends with a roll-back of the champion beside it', async () => {
    await begun();
    await hears({ ...base, type: 'PromoteCommanded', version: 2 });
    expect(await told('CanaryEnded')).toMatchObject([{ version: 2, outcome: 'passed' }]);
    await runs(trained('r3', candidate()));
    await decided(3, 'better');
    await ticks();
    await hears({ ...base, type: 'RollbackCommanded', actor: 'jane', reason: 'customers complain' });
    expect(await shares()).toEqual({ champion: 1, arms: [], shadows: [] });
    expect((await told('CanaryEnded')).at(-1)).toMatchObject({ version: 3, outcome: 'aborted' });
  });
});
