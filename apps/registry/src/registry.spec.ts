import type { Candidate, Lifecycle, LifecycleOf } from '@gyre/contracts';
import { base, candidate, evidence, registryInTest, trained } from './registry.fixture.js';
import { servedAt } from './served-at.js';

const { applied, hears, ticks, runs, underWay, decided, record, told, serving, read, now } = registryInTest();

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
    await hears({ ...over, occurredAt: now() + 1_000 });
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
    expect(await servedAt(read(), 999)).toMatchObject({ version: null, since: null });
    expect(await servedAt(read(), 2_999)).toMatchObject({ version: 1, since: 1_000, actor: 'registry' });
    expect(await servedAt(read(), 3_000)).toMatchObject({ version: 2, since: 3_000, evidence });
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
