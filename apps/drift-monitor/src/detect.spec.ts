import { setTimeout as pause } from 'node:timers/promises';
import {
  topics,
  type Lifecycle,
  type LifecycleOf,
  type LifecycleType,
  type Outcome,
  type PerformanceMeasured,
  type VersionMeasured,
  type Predicted,
} from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { candidateOf } from './candidate.fixture.js';
import { detect } from './detect.js';
import type { WatchState } from './watch.js';

const spec = (more = '') =>
  readSpecs(
    `kind: FeatureView\nname: v\nentity: e\nfields: { x: { type: float, nullable: true, max: 100 }, z: float }\n---\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\n${more}`,
    'spec.yaml',
  ).models[0];
const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };

let platform: EmbeddedPlatform;
let sent = 0;
beforeEach(async () => {
  sent = 0;
  platform = EmbeddedPlatform.inMemory({});
  platform.run(detect);
  await hears({ ...base, type: 'ModelApplied', spec: spec() as NonNullable<ReturnType<typeof spec>> });
});
afterEach(() => platform.close());

async function hears(...events: Lifecycle[]): Promise<void> {
  await platform.append(topics.lifecycle, events);
  await platform.settled();
}

type Answer = Partial<Pick<Predicted, 'version' | 'features' | 'rollout' | 'shadows' | 'output'>> & { right: boolean };
/** Outcomes of the champion's answers; sure of the right or of the wrong class. */
async function answers(...all: Answer[]): Promise<void> {
  const outcomes = all.map(({ right, ...changes }): Outcome => {
    const n = sent++;
    const label = n % 2;
    const sure = right ? label : 1 - label;
    const output = sure === 1 ? [0.1, 0.9] : [0.9, 0.1];
    const nothing = { seen: null, fallback: null, rollout: null, shadows: [], entity: null };
    const predicted = {
      ...nothing,
      id: `p${n}`,
      model: 'm',
      occurredAt: n,
      request: `row-${n}`,
      features: [1, 1],
      version: 1,
      output,
      ...changes,
    };
    return { kind: 'joined', model: 'm', prediction: `p${n}`, occurredAt: n, label, predicted };
  });
  await platform.append(topics.outcomes, outcomes);
  await platform.settled();
}
const many = (count: number, answer: (i: number) => Answer) => Array.from({ length: count }, (_, i) => answer(i));
/** Right in four of five answers, or in two of five. */
const good =
  (changes: Partial<Answer> = {}) =>
  (i: number) => ({ right: i % 5 !== 0, ...changes });
const bad =
  (changes: Partial<Answer> = {}) =>
  (i: number) => ({ right: i % 5 < 2, ...changes });

async function told<T extends LifecycleType>(type: T): Promise<LifecycleOf<T>[]> {
  const found: LifecycleOf<T>[] = [];
  for await (const { event } of platform.read(topics.lifecycle))
    if (event.type === type) found.push(event as LifecycleOf<T>);
  return found;
}

const reference = ['v.x', 'v.z'].map((feature) => ({ feature, edges: [0, 2], counts: [300, 400, 300], missing: 0 }));
const candidate = candidateOf({ loss: 0.5 }, { loss: 0.69 });
const trained: Lifecycle[] = [
  {
    ...base,
    type: 'TrainingFinished',
    run: 'r',
    trigger: 'bootstrap',
    candidates: [candidate],
    reference,
    failure: null,
  },
  { ...base, type: 'VersionRegistered', version: 1, run: 'r', candidate, gates: [] },
];
const serves = (version: number): Lifecycle => {
  const champion = { version, onnx: 'a'.repeat(64) };
  return { ...base, type: 'ServingChanged', champion, previous: null, shadows: [], rollout: null };
};
const rollout = (rule: 'better' | 'notWorse', more: Partial<LifecycleOf<'RolloutStarted'>> = {}): Lifecycle => {
  const challenger = { version: 2, role: 'challenger' as const, rule, alpha: 0.05, notWorseBy: 0.3, pairsMax: 3_000 };
  return {
    ...base,
    type: 'RolloutStarted',
    rollout: 'ro-1',
    continues: null,
    incumbent: 1,
    challengers: [challenger],
    ...more,
  };
};

describe('the watch', () => {
  it('finds the row at which the error rose, and says from what to what', async () => {
    await answers(...many(1_000, good()), ...many(400, bad()));
    const [drift, ...more] = await told('DriftDetected');
    expect(more).toEqual([]);
    expect(drift).toMatchObject({ kind: 'concept', version: 1, detector: 'e-detector' });
    const row = Number(drift?.at.request?.slice(4));
    expect(row).toBeGreaterThan(1_000);
    expect(row).toBeLessThan(1_150);
    expect(drift?.before).toBeCloseTo(0.2, 1);
    expect(drift?.after).toBeGreaterThan(0.4);
    expect(drift?.reason).toMatch(/the error of version 1 rose from 2\d\.\d % to \d\d\.\d %/);
  });

  it('waits for the spec of a new model, which may come after its first outcome', async () => {
    const outcome: Outcome = {
      kind: 'expired',
      model: 'new',
      prediction: 'p',
      occurredAt: 1,
      label: null,
      predicted: null,
    };
    await platform.append(topics.outcomes, [outcome]);
    await pause(500); // three tries, which are enough for what is broken
    const applied = { ...(spec() as NonNullable<ReturnType<typeof spec>>), name: 'new' };
    await hears({ ...base, model: 'new', type: 'ModelApplied', spec: applied });
    const watched = (await platform.states<WatchState>(detect, ['new'])).get('new');
    expect(watched?.counts.expired).toBe(1);
  });

  it('is silent when the error falls', async () => {
    await answers(...many(1_000, bad()), ...many(1_000, good()));
    expect(await told('DriftDetected')).toEqual([]);
  });

  it('does not take the errors of the fallback for drift', async () => {
    await answers(...many(1_000, good({ version: null })), ...many(400, bad({ version: null })));
    expect(await told('DriftDetected')).toEqual([]);
  });

  it('goes on after a restart as if there had been none', async () => {
    const stream = [...many(1_000, good()), ...many(400, bad())];
    await answers(...stream);
    const whole = await told('DriftDetected');
    sent = 0;
    const other = EmbeddedPlatform.inMemory({});
    await platform.close();
    platform = other;
    platform.run(detect);
    await hears({ ...base, type: 'ModelApplied', spec: spec() as NonNullable<ReturnType<typeof spec>> });
    for (const one of stream) await answers(one); // every outcome in a batch, and so through the store, of its own
    expect(await told('DriftDetected')).toEqual(whole);
  });

  it('tells the performance of each window, by the version that answered', async () => {
    await answers(...many(500, good()), ...many(500, (i) => ({ right: i % 10 !== 0, version: 2 })));
    const windows: unknown[] = [];
    for await (const { event } of platform.read(topics.performance))
      windows.push([event.version, event.fromLabel, event.toLabel, event.metrics['accuracy']]);
    expect(windows).toEqual([
      [1, 0, 500, 0.8],
      [2, 500, 1_000, 0.9],
    ]);
  });

  it('tells each version’s answers in a window apart, in turn or side by side', async () => {
    const byTurns = many(500, (i) => ({ right: i < 50 ? i % 2 === 0 : i % 10 !== 0, version: i < 50 ? null : 1 }));
    const shared = many(500, (i) => ({ right: i % 5 === 0, version: i % 5 === 0 ? 2 : 1 }));
    await answers(...byTurns, ...shared);
    const windows: PerformanceMeasured[] = [];
    for await (const { event } of platform.read(topics.performance)) windows.push(event);
    const told = ({ version, labels, fromLabel, toLabel, from, to, metrics }: VersionMeasured) => [
      ...[version, labels, fromLabel, toLabel, to - from, metrics['accuracy']],
    ];
    expect(windows.map(({ versions }) => versions?.map(told))).toEqual([
      [
        [null, 50, 0, 50, 49, 0.5],
        [1, 450, 50, 500, 449, 0.9],
      ],
      [
        [2, 100, 500, 996, 495, 1],
        [1, 400, 501, 1_000, 498, 0],
      ],
    ]);
    expect(windows.map(({ version, metrics }) => [version, metrics['accuracy']])).toEqual([
      [1, 0.86],
      [1, 0.2],
    ]);
  });

  it('tells segments and fairness groups of each window apart', async () => {
    const declared = spec('drift: { windowOutcomes: 100, segments: [v.x], fairness: [v.z] }');
    await hears({ ...base, type: 'ModelApplied', spec: declared as NonNullable<typeof declared> }, serves(1));
    // Labels alternate, so that in threes and sevenths every group meets both.
    const row = (i: number): Answer => ({ right: i % 3 !== 0, features: [i % 3, i % 7 < 2 ? null : 1] });
    await answers(...many(100, row));
    const windows: PerformanceMeasured[] = [];
    for await (const { event } of platform.read(topics.performance)) windows.push(event);
    const [window] = windows;
    expect(window?.segments).toMatchObject([
      { feature: 'v.x', value: '0', rows: 34, error: 1 },
      { feature: 'v.x', value: '1', rows: 33, error: 0 },
      { feature: 'v.x', value: '2', rows: 33, error: 0 },
    ]);
    const [fairness] = window?.fairness ?? [];
    expect(Object.entries(fairness?.groups ?? {}).map(([name, { rows }]) => [name, rows])).toEqual([
      ['1', 70],
      ['missing', 30],
    ]);
    const of = (name: string) => fairness?.groups[name]?.selectionRate ?? NaN;
    expect(fairness?.demographicParityDifference).toBeCloseTo(Math.abs(of('1') - of('missing')), 12);
  });

  it('takes new settings at once, however the log falls into batches', async () => {
    await answers(...many(10, good()));
    const wider = spec('drift: { windowOutcomes: 30 }') as NonNullable<ReturnType<typeof spec>>;
    await hears({ ...base, type: 'ModelApplied', spec: wider });
    await answers(...many(50, good()));
    const windows: number[] = [];
    for await (const { event } of platform.read(topics.performance)) windows.push(event.toLabel);
    expect(windows).toEqual([30, 60]);
  });

  it('says when a version is worse than its holdout promised, once', async () => {
    await hears(...trained);
    await answers(...many(500, good()));
    expect(await told('PerformanceDropped')).toEqual([]);
    await answers(...many(1_000, (i) => ({ right: i % 2 === 0 })));
    expect(await told('PerformanceDropped')).toMatchObject([{ version: 1, reference: 0.5 }]);
  });

  it('calls for the first training, and then for each so many new labels', async () => {
    await answers(...many(2_000, good({ version: null })));
    await hears(serves(1));
    await answers(...many(2_500, good()));
    expect((await told('LabelsReached')).map(({ labels }) => labels)).toEqual([2_000, 3_000, 4_000]);
  });
});

describe('the paired comparison', () => {
  const surely = [0.1, 0.9];
  /** A shadow that is right in the given share of answers, where the champion is right in four of five. */
  const paired =
    (right: (i: number) => boolean, name = 'ro-1') =>
    (i: number): Answer => {
      const label = (sent + i) % 2;
      const output = right(i) === (label === 1) ? surely : [...surely].reverse();
      return { right: i % 5 !== 0, rollout: name, shadows: [{ version: 2, output }] };
    };

  it('decides for a challenger that is better, once, with its evidence', async () => {
    await hears(...trained, rollout('better'));
    await answers(
      ...many(
        1_500,
        paired((i) => i % 20 !== 0),
      ),
    );
    const decided = await told('ComparisonDecided');
    expect(decided).toMatchObject([
      { verdict: 'better', challenger: 2, incumbent: 1, role: 'challenger', rollout: 'ro-1' },
    ]);
    expect(decided[0]?.evidence.lower).toBeGreaterThan(0);
  });

  it('decides against one that is worse', async () => {
    await hears(...trained, rollout('better'));
    await answers(
      ...many(
        1_500,
        paired((i) => i % 2 === 0),
      ),
    );
    expect(await told('ComparisonDecided')).toMatchObject([{ verdict: 'worse' }]);
  });

  it('lets one pass that is not worse, where that is the rule', async () => {
    await hears(...trained, rollout('notWorse'));
    await answers(
      ...many(
        3_000,
        paired((i) => i % 5 !== 0),
      ),
    );
    expect(await told('ComparisonDecided')).toMatchObject([{ verdict: 'notWorse' }]);
  });

  it('ends undecided after its pairs', async () => {
    await hears(...trained, rollout('better'));
    await answers(
      ...many(
        3_000,
        paired((i) => i % 5 !== 0),
      ),
    );
    expect(await told('ComparisonDecided')).toMatchObject([{ verdict: 'inconclusive', evidence: { pairs: 3_000 } }]);
  });

  it('goes on with its evidence when the rollout changes its challengers', async () => {
    await hears(...trained, rollout('better'));
    await answers(
      ...many(
        100,
        paired((i) => i % 20 !== 0),
      ),
    );
    await hears(rollout('better', { rollout: 'ro-2', continues: 'ro-1' }));
    await answers(
      ...many(
        100,
        paired((i) => i % 20 !== 0),
      ),
      ...many(
        1_400,
        paired((i) => i % 20 !== 0, 'ro-2'),
      ),
    );
    const [decided] = await told('ComparisonDecided');
    expect(decided).toMatchObject({ verdict: 'better', rollout: 'ro-2' });
    expect(decided?.evidence.pairs).toBe(Number(decided?.at.request?.slice(4)) + 1);
  });

  it('counts nothing that was predicted under another rollout', async () => {
    await hears(...trained, rollout('better'));
    await answers(
      ...many(
        1_500,
        paired((i) => i % 20 !== 0, 'ro-0'),
      ),
    );
    expect(await told('ComparisonDecided')).toEqual([]);
  });
});
