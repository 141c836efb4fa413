import type { DeadLetterEntry, Lifecycle, ModelStatus, Performance, TimelineEntry } from '@gyre/contracts';
import { replayCommand } from './commands.js';
import { headlineOf, standingOf } from './headline.js';
import { incidentsOf } from './incidents.js';
import { MARKED_TYPES, markedOf, marksOf } from './marks.js';
import { rolloutOf } from './rollout.js';
import { sentenceOf } from './sentences.js';
import { linesOf } from './timeline.js';

type Told<T extends Lifecycle['type']> = Omit<
  Extract<Lifecycle, { type: T }>,
  'model' | 'occurredAt' | 'actor' | 'reason' | 'type'
>;

const at = (labels: number) => ({ prediction: 'p', request: null, labels });
const evidence = { pairs: 640, mean: 0.021, lower: 0.004, upper: 0.038, alpha: 0.025 };

/** Decisions in the order in which they were made, one label apart; told back newest first. */
function story() {
  const entries: TimelineEntry[] = [];
  const tell = <T extends Lifecycle['type']>(type: T, rest: Told<T>) => {
    const occurredAt = (entries.length + 1) * 1_000;
    const event = { type, model: 'm', occurredAt, actor: 'registry', reason: '', ...rest } as unknown as Lifecycle;
    entries.unshift({ offset: entries.length, type, occurredAt, actor: 'registry', reason: '', event });
    return event;
  };
  return { entries, tell };
}

const drift = (version: number | null, labels = 900): Told<'DriftDetected'> => ({
  version,
  kind: 'concept',
  detector: 'adwin',
  feature: null,
  observations: 700,
  before: 0.142,
  after: 0.21,
  at: at(labels),
});
const incident = (more: Partial<Told<'IncidentOpened'>>): Told<'IncidentOpened'> => ({
  incident: 'i-1',
  version: 2,
  kind: 'concept',
  severity: 'critical',
  pages: true,
  loss: null,
  openedAt: 1_000,
  causes: [{ kind: 'error', name: '', words: 'the error rose', before: 0.1, after: 0.4 }],
  at: at(900),
  ...more,
});
const promotion = (version: number, from: number | null): Told<'Promoted'> => ({
  version,
  from,
  rollout: null,
  evidence: null,
});
const shadow = (version: number, role: 'challenger' | 'previous' = 'challenger') => ({
  version,
  role,
  rule: 'better' as const,
  alpha: 0.025,
  notWorseBy: 0,
  pairsMax: 5_000,
});

const status = (more: Partial<ModelStatus>): ModelStatus => ({
  model: 'm',
  type: 'binary',
  phase: 'serving',
  champion: 2,
  previous: 1,
  challengers: [],
  rollout: null,
  versions: 2,
  promotions: 2,
  rollbacks: 0,
  latest: null,
  ...more,
});
const performance: Performance = {
  model: 'm',
  metric: 'accuracy',
  higherIsBetter: true,
  windows: [{ model: 'm', version: 1, fromLabel: 0, toLabel: 1_000, from: 0, to: 10_000, metrics: { accuracy: 0.8 } }],
  labels: 1_000,
};

describe('a sentence', () => {
  it('tells each decision with its numbers', () => {
    const { tell } = story();
    const said = (event: Lifecycle) => sentenceOf(event).text;
    expect(said(tell('DriftDetected', drift(3)))).toBe(
      'Drift: the error of version 3 rose from 14.2\u00a0% to 21.0\u00a0%',
    );
    expect(said(tell('DriftDetected', drift(null)))).toContain('the fallback');
    expect(said(tell('DriftDetected', { ...drift(3), kind: 'covariate', feature: 'market.price' }))).toBe(
      'Inputs moved: market.price',
    );
    expect(
      said(tell('PerformanceDropped', { version: 3, metric: 'loss', value: 0.31, reference: 0.2, at: at(1) })),
    ).toBe('Clipped loss of version 3 rose from 0.200 to 0.310');
    expect(said(tell('Promoted', promotion(4, 3)))).toBe('Version 4 promoted over version 3');
    expect(said(tell('Promoted', promotion(1, null)))).toBe('Version 1 promoted, the first');
    expect(
      said(
        tell('RolloutStarted', {
          rollout: 'r',
          continues: null,
          incumbent: 4,
          challengers: [shadow(5), shadow(6), shadow(3, 'previous')],
        }),
      ),
    ).toBe('Versions 5 and 6 on trial against version 4, beside the previous version 3');
    expect(
      said(
        tell('RolloutStarted', { rollout: 'r', continues: null, incumbent: 4, challengers: [shadow(3, 'previous')] }),
      ),
    ).toBe('Version 4 bakes, with version 3 in shadow');
    expect(
      said(
        tell('ComparisonDecided', {
          rollout: 'r',
          role: 'challenger',
          challenger: 5,
          incumbent: 4,
          verdict: 'notWorse',
          evidence,
          at: at(1),
        }),
      ),
    ).toBe('Version 5 proved not worse than version 4');
  });

  it('says a decline once, however often it came in a row', () => {
    const { entries, tell } = story();
    for (let i = 0; i < 3; i++) tell('TrainingDeclined', { trigger: 'drift', code: 'cooldown' });
    tell('DriftDetected', drift(3));
    tell('TrainingDeclined', { trigger: 'drift', code: 'cooldown' });
    expect(linesOf(entries, 'key').map(({ times, since, entry }) => [entry.type, times, since])).toEqual([
      ['TrainingDeclined', 1, 5_000],
      ['DriftDetected', 1, 4_000],
      ['TrainingDeclined', 3, 1_000],
    ]);
  });
});

describe('the headline', () => {
  const headline = (entries: TimelineEntry[], more: Partial<ModelStatus> = {}) =>
    headlineOf({ status: status(more), entries, versions: [], performance, bootstrapLabels: 2_000 });

  it('says that a version is right as long as nothing on record says otherwise', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, null));
    tell('DriftDetected', drift(2));
    tell('Promoted', promotion(1, 2));
    tell('Promoted', promotion(2, 1));
    tell('DriftDetected', { ...drift(2), kind: 'covariate' });
    tell('DriftDetected', drift(1));
    expect(headline(entries)).toMatchObject({ tone: 'good', serves: 'Version 2 serves', verdict: 'still right' });
    expect(headline(entries).because).toContain('No drift in the 600 labels since.');
  });

  it('says that it is not when its own error drifted, and whether anyone challenges it', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, 1));
    tell('DriftDetected', drift(2));
    expect(headline(entries)).toMatchObject({ tone: 'bad', verdict: 'no longer as right' });
    expect(headline(entries, { phase: 'shadow', challengers: [3, 4] })).toMatchObject({
      tone: 'warn',
      because: expect.stringContaining('2 challengers on trial'),
    });
  });

  it('takes a canary for a trial as it takes a shadow', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, 1));
    tell('DriftDetected', drift(2));
    expect(headline(entries, { phase: 'canary', challengers: [4] })).toMatchObject({
      tone: 'warn',
      verdict: 'in doubt, challenged',
      because: expect.stringContaining('A canary answers a share of the requests, with 1 further challenger on trial.'),
    });
  });

  it('says that a version is right again when its incident is over', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, 1));
    tell('DriftDetected', drift(2));
    tell('IncidentOpened', incident({}));
    expect(headline(entries)).toMatchObject({ tone: 'bad', verdict: 'no longer as right' });
    expect(headline(entries).because).toContain('Concept drift since 1 Jan 1970, 00:00: the error rose.');
    tell('IncidentClosed', { ...incident({}), outcome: 'recovered' });
    expect(headline(entries)).toMatchObject({ tone: 'good', verdict: 'still right' });
    expect(headline(entries).because).toContain('Its last incident (concept drift) was over on 1 Jan 1970, 00:00.');
    tell('DriftDetected', drift(2));
    expect(headline(entries)).toMatchObject({ tone: 'bad', verdict: 'no longer as right' });
  });

  it('does not call a version right while somebody is woken for it', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, 1));
    const nulls = { kind: 'quality', severity: 'warning' } as const;
    tell('IncidentOpened', incident(nulls));
    tell('IncidentOpened', incident({ incident: 'i-2', kind: 'covariate', severity: 'info', pages: false }));
    expect(headline(entries)).toMatchObject({ tone: 'warn', verdict: 'fed faulty data' });
    expect(headline(entries).because).toContain('1 further incident is open.');
    tell('IncidentClosed', { ...incident(nulls), outcome: 'recovered' });
    expect(headline(entries)).toMatchObject({ tone: 'good', verdict: 'still right' });
    expect(headline(entries).because).toContain('Inputs moved since 1 Jan 1970, 00:00, at no loss that is known.');
  });

  it('leaves out incidents of versions that serve no more', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(1, null));
    tell('IncidentOpened', incident({ version: 1 }));
    tell('Promoted', promotion(2, 1));
    tell('IncidentClosed', { ...incident({ version: 1 }), outcome: 'replaced' });
    expect(headline(entries)).toMatchObject({ tone: 'good', verdict: 'still right' });
  });

  it('asks for a person where one must decide, with a command that the command line takes as it stands', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(2, 1));
    tell('PromotionHeld', { version: 3, rollout: 'r', evidence });
    // What has proved itself has left the shadow.
    const asked = headline(entries, { challengers: [] });
    expect(asked).toMatchObject({ tone: 'warn', verdict: 'version 3 waits for approval' });
    const [program, verb, model, version, option, value, ...rest] = asked.command?.split(' ') ?? [];
    expect([program, verb, model, version, option]).toEqual(['gyre', 'promote', 'm', '3', '--reason']);
    expect(value).toMatch(/^[A-Z]+$/);
    expect(rest).toEqual([]);

    tell('IncidentOpened', incident({}));
    expect(headline(entries)).toMatchObject({ tone: 'bad', verdict: 'no longer as right', command: asked.command });
    tell('Promoted', promotion(3, 2));
    expect(headline(entries, { champion: 3 })).toMatchObject({ verdict: 'still right', command: null });
  });

  it('says nothing of a version before it has read what is on record', () => {
    const known = { status: status({}), versions: [], bootstrapLabels: null };
    const unread = { tone: 'quiet', serves: 'Version 2 serves', verdict: null, because: 'Reading …' };
    expect(headlineOf({ ...known, entries: null, performance })).toMatchObject(unread);
    expect(headlineOf({ ...known, entries: [], performance: null })).toMatchObject(unread);
  });

  it('counts towards the first version while the fallback answers', () => {
    expect(headline([], { champion: null, phase: 'waiting' })).toMatchObject({
      tone: 'quiet',
      because: expect.stringContaining('1,000 of 2,000 labels'),
    });
  });
});

describe('the standing of a model', () => {
  const answers = (version: number | null, fromLabel: number, toLabel: number, accuracy: number) => ({
    ...{ version, labels: toLabel - fromLabel, fromLabel, toLabel, from: fromLabel * 10, to: toLabel * 10 },
    metrics: { accuracy },
  });
  const [measured] = performance.windows;
  const shared = { ...measured!, versions: [answers(null, 0, 600, 0.5), answers(1, 600, 1_000, 0.9)] };
  const standing = (champion: number | null, since: number | null) =>
    standingOf(status({ champion }), { ...performance, windows: [shared] }, since);

  it('is that of the champion’s own answers, whoever else answered in their window', () => {
    expect(standing(1, 6_000)).toEqual({ newest: 0.9, newestLabels: 400, tenure: 0.9, tenureLabels: 400 });
    expect(standing(2, 10_000)).toEqual({ newest: null, newestLabels: 0, tenure: null, tenureLabels: 0 });
  });

  it('is the fallback’s, without a tenure, while there is no champion', () => {
    expect(standing(null, null)).toEqual({ newest: 0.5, newestLabels: 600, tenure: null, tenureLabels: 0 });
  });
});

describe('marks', () => {
  it('stand where the decision says, or where its time falls among the labels', () => {
    const { entries, tell } = story();
    tell('DriftDetected', drift(1, 345));
    tell('DriftDetected', { ...drift(1), kind: 'quality' });
    tell('Promoted', promotion(2, 1));
    tell('RolledBack', { version: 1, from: 2, rollout: null, evidence });
    expect(marksOf(entries, performance.windows).map(({ kind, label }) => [kind, label])).toEqual([
      ['drift', 345],
      ['promoted', 300],
      ['rolledBack', 400],
    ]);
  });
});

describe('the decisions that may be marked', () => {
  it('are those that were read, further back than the timeline, and those that it has heard since, each once', () => {
    const { entries, tell } = story();
    tell('Promoted', promotion(1, null));
    tell('TrainingDeclined', { trigger: 'drift', code: 'cooldown' });
    tell('Promoted', promotion(2, 1));
    const [second, declined, first] = entries as [TimelineEntry, TimelineEntry, TimelineEntry];
    tell('PerformanceDropped', { version: 2, metric: 'loss', value: 0.31, reference: 0.2, at: at(1) });
    const [dropped] = entries as [TimelineEntry];
    const marked = markedOf({ marked: [second, first], entries: [dropped, second, declined] });
    expect(marked.map(({ offset }) => offset)).toEqual([3, 2, 0]);
    expect(markedOf({ marked: null, entries: null })).toEqual([]);
  });

  it('are all of the types that marks are made of', () => {
    const { entries, tell } = story();
    tell('DriftDetected', drift(1, 345));
    tell('PerformanceDropped', { version: 1, metric: 'loss', value: 0.31, reference: 0.2, at: at(1) });
    tell('Promoted', promotion(2, 1));
    tell('RolledBack', { version: 1, from: 2, rollout: null, evidence });
    expect(markedOf({ marked: null, entries })).toEqual(entries);
    expect(marksOf(entries, performance.windows)).toHaveLength(MARKED_TYPES.length);
  });
});

describe('the rollout', () => {
  it('keeps the evidence of the one that it goes on from, and no other', () => {
    const { entries, tell } = story();
    const decided = (rollout: string, challenger: number) =>
      tell('ComparisonDecided', {
        rollout,
        role: 'challenger',
        challenger,
        incumbent: 2,
        verdict: 'worse',
        evidence,
        at: at(1),
      });
    tell('RolloutStarted', { rollout: 'r1', continues: null, incumbent: 2, challengers: [shadow(3), shadow(4)] });
    decided('r1', 3);
    tell('RolloutStarted', { rollout: 'r2', continues: null, incumbent: 2, challengers: [shadow(5)] });
    decided('r2', 5);
    tell('RolloutEnded', { rollout: 'r2', outcome: 'continued' });
    tell('RolloutStarted', { rollout: 'r3', continues: 'r2', incumbent: 2, challengers: [shadow(5), shadow(3)] });
    const rollout = rolloutOf(entries, 'r3');
    expect(rollout?.ended).toBeNull();
    expect(rollout?.comparisons.map(({ version, verdict }) => [version, verdict])).toEqual([
      [5, 'worse'],
      [3, null],
    ]);
    expect(rolloutOf(entries, 'unknown')).toBeNull();
    expect(rolloutOf(entries, null)?.comparisons).toHaveLength(2);
  });
});

describe('the incidents of a model', () => {
  it('are told once each as they stand now, the open ones first, with their causes in words', () => {
    const { entries, tell } = story();
    const told = (id: string, words: string, openedAt: number) =>
      incident({
        incident: id,
        version: 3,
        openedAt,
        causes: [{ kind: 'error', name: '', words, before: 0.1, after: 0.4 }],
      });
    tell('IncidentOpened', told('i-1', 'at first', 1_000));
    tell('IncidentUpdated', told('i-1', 'then more', 1_000));
    tell('IncidentOpened', told('i-2', 'another', 3_000));
    tell('IncidentClosed', { ...told('i-2', 'another', 3_000), outcome: 'recovered' });
    expect(incidentsOf(entries)).toMatchObject([
      { id: 'i-1', isOpen: true, tone: 'bad', causes: ['then more'], closedAt: null },
      { id: 'i-2', isOpen: false, tone: 'quiet', end: 'it has recovered', closedAt: 4_000 },
    ]);
  });
});

describe('the command that gives a dead letter back', () => {
  const letter: DeadLetterEntry = {
    partition: 0,
    offset: 17,
    group: 'ingestion.accept',
    code: 'OUT_OF_RANGE',
    reason: '',
    attempts: 1,
    occurredAt: 0,
    preview: '',
    source: { topic: 'gyre.ingest', partition: 2, offset: 40 },
  };

  it('names its place as the command line takes it', () => {
    expect(replayCommand(letter)).toBe('gyre deadletters replay 0:17');
  });

  it('is not offered where there is no event to give back', () => {
    expect(replayCommand({ ...letter, source: { ...letter.source, offset: -1 } })).toBeNull();
  });
});
