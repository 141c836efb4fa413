import { base, candidate, evidence, registryInTest, trained } from './registry.fixture.js';

const { applied, hears, ticks, runs, underWay, decided, told } = registryInTest();

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
