import { topics, type Lifecycle, type LifecycleOf, type PerformanceMeasured } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { RUN_LOST_MS } from './policy.js';
import { trigger } from './trigger.js';

const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
const at = (labels: number) => ({ prediction: 'p', request: null, labels });

let platform: EmbeddedPlatform;
let time = 0;
beforeEach(() => {
  time = 0;
  platform = EmbeddedPlatform.inMemory({});
  platform.run(trigger);
});
afterEach(() => platform.close());

async function applied(retraining = ''): Promise<void> {
  const text = `kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\nkind: Model\nname: m\nfeatures: [v.x]\nlabel: { name: y, type: binary }\nretraining: { ${retraining} }\n`;
  const [spec] = readSpecs(text, 'spec.yaml').models;
  await hears({ ...base, type: 'ModelApplied', spec: spec as NonNullable<typeof spec> });
}
async function hears(...events: Lifecycle[]): Promise<void> {
  await platform.append(topics.lifecycle, events);
  await platform.settled();
}
/** A window of performance ends: this is how many labels there are. */
async function counts(toLabel: number): Promise<void> {
  const window: PerformanceMeasured = {
    model: 'm',
    version: 1,
    fromLabel: toLabel - 500,
    toLabel,
    from: 1,
    to: 2,
    metrics: {},
  };
  await platform.append(topics.performance, [window]);
  await platform.settled();
}
async function ticks(ms = 1_000): Promise<void> {
  await platform.tick((time += ms));
  await platform.settled();
}
const serves = (version: number): Lifecycle => ({
  ...base,
  type: 'ServingChanged',
  champion: { version, onnx: 'a'.repeat(64) },
  previous: null,
  shadows: [],
  rollout: null,
});
const drift = (
  labels: number,
  version: number | null = 1,
  kind: 'concept' | 'covariate' = 'concept',
): LifecycleOf<'DriftDetected'> => {
  return {
    ...base,
    type: 'DriftDetected',
    version,
    kind,
    detector: 'adwin',
    feature: null,
    observations: 9,
    before: 0.1,
    after: 0.3,
    at: at(labels),
  };
};
const labels = (count: number): Lifecycle => ({ ...base, type: 'LabelsReached', labels: count, at: at(count) });
const dropped = (labels: number): Lifecycle => ({
  ...base,
  type: 'PerformanceDropped',
  version: 1,
  metric: 'loss',
  value: 1,
  reference: 0.5,
  at: at(labels),
});
const recovered = (occurredAt: number, changes: Partial<LifecycleOf<'IncidentClosed'>> = {}): Lifecycle => ({
  ...base,
  occurredAt,
  type: 'IncidentClosed',
  incident: 'm-incident-1',
  version: 1,
  kind: 'concept',
  severity: 'warning',
  pages: true,
  causes: [],
  loss: null,
  openedAt: 1,
  at: at(1),
  outcome: 'recovered',
  ...changes,
});
const finished = (run: string, failure: string | null = null): Lifecycle => ({
  ...base,
  type: 'TrainingFinished',
  run,
  trigger: 'drift',
  candidates: [],
  reference: [],
  failure,
});
const commanded: Lifecycle = { ...base, type: 'RetrainCommanded', actor: 'jane', reason: 'new prices' };
const failed = (run: string) => finished(run, 'nothing was trained: its thread died');

async function decisions(): Promise<string[]> {
  const found: string[] = [];
  for await (const { event } of platform.read(topics.lifecycle)) {
    if (event.type === 'TrainingRequested') found.push(`${event.run} by ${event.trigger}`);
    if (event.type === 'TrainingDeclined') found.push(`no ${event.trigger}: ${event.code}`);
    if (event.type === 'TrainingFinished' && event.actor === 'retrain-trigger') found.push(`${event.run} is lost`);
  }
  return found;
}
async function declines(): Promise<string[]> {
  const found: string[] = [];
  for await (const { event } of platform.read(topics.lifecycle))
    if (event.type === 'TrainingDeclined') found.push(event.reason);
  return found;
}
async function lastRequest(): Promise<LifecycleOf<'TrainingRequested'> | undefined> {
  let last: LifecycleOf<'TrainingRequested'> | undefined;
  for await (const { event } of platform.read(topics.lifecycle)) if (event.type === 'TrainingRequested') last = event;
  return last;
}

describe('the retrain trigger', () => {
  it('asks for the first model when its labels are there, and then for each so many new ones', async () => {
    await applied();
    await hears(labels(2_000));
    expect(await decisions()).toEqual([]); // not before the tick
    await ticks();
    await hears(finished('m-run-1'), serves(1), labels(3_000));
    await ticks();
    expect(await decisions()).toEqual(['m-run-1 by bootstrap', 'm-run-2 by newLabels']);
    expect(await lastRequest()).toMatchObject({ champion: 1, labels: 3_000, asOf: 2_000, rowsMax: 2_500, seed: 2 });
  });

  it('runs on confirmed drift of the champion, and looks at the rows since', async () => {
    await applied('sinceDrift: true');
    await hears(serves(1), drift(5_000));
    await ticks();
    await hears(finished('m-run-1'), labels(5_800));
    await ticks();
    expect(await decisions()).toEqual(['m-run-1 by drift', 'm-run-2 by newLabels']);
    expect((await lastRequest())?.windows).toContain(800);
  });

  it('hears nothing in moved inputs, or in the errors of a version that serves no more', async () => {
    await applied();
    await hears(serves(2), drift(5_000, 1), drift(5_000, 2, 'covariate'));
    await ticks();
    expect(await decisions()).toEqual([]);
  });

  it('looks at the rows since the change itself, where that is known, and not only since it was noticed', async () => {
    await applied('sinceDrift: true');
    await hears(serves(1), { ...drift(5_000), since: 620 });
    await ticks();
    expect((await lastRequest())?.windows).toEqual([620, 1_000, 2_500]);
  });

  it('runs once for all that speaks for it at one tick, and says so to each of them', async () => {
    await applied();
    await hears(serves(1), labels(5_000), dropped(5_000), drift(5_000), commanded, { ...commanded, actor: 'joe' });
    await ticks();
    expect(await decisions()).toEqual([
      'm-run-1 by manual',
      'no manual: run-under-way',
      'no drift: run-under-way',
      'no performance: run-under-way',
      'no newLabels: run-under-way',
    ]);
    await hears(finished('m-run-1'));
    await counts(9_000);
    await ticks();
    expect(await decisions()).toHaveLength(5); // all of them had their run
  });

  it('declines in the cooldown, with too few labels, during a run, and where it is switched off, and says so', async () => {
    await applied('cooldownLabels: 300, minLabels: 1000, onPerformance: false, bootstrapLabels: 1000');
    await hears(serves(1), drift(999));
    await ticks();
    await hears(drift(1_000));
    await ticks();
    await hears(drift(1_100));
    await ticks();
    await hears(finished('m-run-1'), drift(1_299));
    await ticks();
    await hears(dropped(1_299));
    await ticks();
    expect(await decisions()).toEqual([
      'no drift: too-few-labels',
      'm-run-1 by drift',
      'no drift: run-under-way',
      'no drift: cooldown',
      'no performance: switched-off',
    ]);
  });

  describe('looks again at drift and lost performance that it had to put off', () => {
    it.each([
      ['when the cooldown is over', drift(5_400), 'drift: cooldown'],
      ['as well for lost performance', dropped(5_400), 'performance: cooldown'],
    ])('%s', async (_, lost, declined) => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(finished('m-run-1'), lost);
      await ticks();
      await counts(5_499);
      await ticks();
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', `no ${declined}`]); // said once, however often it is looked at
      await counts(5_500);
      await ticks();
      expect((await decisions()).at(-1)).toBe(`m-run-2 by ${declined.split(':')[0]}`);
      expect((await declines()).at(-1)).toContain(
        'it is looked at again when the cooldown is over, unless it is over by then',
      );
    });

    it('when the run has ended, the cooldown having passed meanwhile', async () => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(drift(5_700));
      await ticks();
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', 'no drift: run-under-way']);
      await hears(finished('m-run-1'));
      await ticks();
      expect((await decisions()).at(-1)).toBe('m-run-2 by drift');
    });

    it('when there are labels enough', async () => {
      await applied('everyLabels: null, minLabels: 1000');
      await hears(serves(1), drift(600));
      await ticks();
      await counts(1_000);
      await ticks();
      expect(await decisions()).toEqual(['no drift: too-few-labels', 'm-run-1 by drift']);
    });

    it.each<[string, Lifecycle, boolean]>([
      ['has recovered', recovered(3_000), false],
      ['has a quality incident that is over', recovered(3_000, { kind: 'quality' }), false],
      ['serves no more', { ...serves(2), occurredAt: 3_000 }, false],
      ['has moved inputs no more', recovered(3_000, { kind: 'covariate' }), true],
      ['is another than the one that recovered', recovered(3_000, { version: 7 }), true],
    ])('and drops it when the version %s', async (_, event, runs) => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(finished('m-run-1'), drift(5_100));
      await ticks();
      await hears(event);
      await ticks();
      await ticks();
      await counts(9_000);
      await ticks();
      expect(await decisions()).toEqual([
        'm-run-1 by drift',
        'no drift: cooldown',
        ...(runs ? ['m-run-2 by drift'] : []),
      ]);
    });

    it.each(['before', 'after'])('alike whether its end is told %s the tick that it bears', async (when) => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(finished('m-run-1'), drift(5_100));
      await ticks();
      await counts(9_000);
      if (when === 'before') await hears(recovered(3_000));
      await ticks();
      if (when === 'after') await hears(recovered(3_000));
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', 'no drift: cooldown', 'm-run-2 by drift']);
    });

    it('and says why it never will, where the spec no longer wants it', async () => {
      await applied();
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(finished('m-run-1'), drift(5_100));
      await ticks();
      await applied('onDrift: false');
      await ticks();
      await counts(9_000);
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', 'no drift: cooldown', 'no drift: switched-off']);
    });
  });

  describe('looks again at drift and lost performance whose run failed', () => {
    it.each([
      ['the drift that asked for it', [drift(5_000)], 'drift'],
      ['the lost performance that asked for it', [dropped(5_000)], 'performance'],
      ['what a run by hand was for too', [commanded, dropped(5_000)], 'performance'],
    ])('when the cooldown is over: %s', async (_, signals, runsBy) => {
      await applied('everyLabels: null');
      await hears(serves(1), ...signals);
      await ticks();
      const before = await decisions();
      await hears(failed('m-run-1'));
      await counts(5_499);
      await ticks();
      expect(await decisions()).toEqual(before);
      await counts(5_500);
      await ticks();
      expect(await decisions()).toEqual([...before, `m-run-2 by ${runsBy}`]);
    });

    it('as often as it fails, but not after a run that succeeds', async () => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(failed('m-run-1'));
      await counts(6_000);
      await ticks();
      await hears(failed('m-run-2'));
      await counts(7_000);
      await ticks();
      await hears(finished('m-run-3'));
      await counts(9_000);
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', 'm-run-2 by drift', 'm-run-3 by drift']);
    });

    it('not before more labels have come, where there is no cooldown', async () => {
      await applied('everyLabels: null, cooldownLabels: 0');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(failed('m-run-1'));
      await ticks();
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift']);
      await counts(5_500);
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift', 'm-run-2 by drift']);
    });

    it('and drops it when the loss was over before the run had failed', async () => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await hears(recovered(2_000), failed('m-run-1'));
      await ticks(2_000);
      await counts(9_000);
      await ticks();
      expect(await decisions()).toEqual(['m-run-1 by drift']);
    });

    it('also where the run is given up', async () => {
      await applied('everyLabels: null');
      await hears(serves(1), drift(5_000));
      await ticks();
      await ticks(RUN_LOST_MS);
      expect(await decisions()).toEqual(['m-run-1 by drift', 'm-run-1 is lost']);
      await counts(5_500);
      await ticks();
      expect((await decisions()).at(-1)).toBe('m-run-2 by drift');
    });
  });

  it('does what a person commands, whatever the cooldown, but one run at a time', async () => {
    await applied();
    await hears(serves(1), drift(5_000));
    await ticks();
    await hears(commanded);
    await ticks();
    await hears(finished('m-run-1'), commanded);
    await ticks();
    expect(await decisions()).toEqual(['m-run-1 by drift', 'no manual: run-under-way', 'm-run-2 by manual']);
    expect(await lastRequest()).toMatchObject({ actor: 'jane' });
  });

  it('gives up a run that has said nothing for a day, says so, and has what waited for it run', async () => {
    await applied();
    await hears(serves(1), drift(5_000));
    await ticks();
    await hears(drift(9_000));
    await ticks();
    await ticks(RUN_LOST_MS - 2_000);
    expect(await decisions()).toEqual(['m-run-1 by drift', 'no drift: run-under-way']);
    await ticks();
    expect(await decisions()).toEqual([
      'm-run-1 by drift',
      'no drift: run-under-way',
      'm-run-1 is lost',
      'm-run-2 by drift',
    ]);
  });
});
