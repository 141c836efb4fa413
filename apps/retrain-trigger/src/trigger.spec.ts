import { topics, type Lifecycle, type LifecycleOf } from '@gyre/contracts';
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
const drift = (labels: number, version: number | null = 1, kind: 'concept' | 'covariate' = 'concept'): Lifecycle => {
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
const finished = (run: string): Lifecycle => ({
  ...base,
  type: 'TrainingFinished',
  run,
  trigger: 'drift',
  candidates: [],
  reference: [],
  failure: null,
});

async function decisions(): Promise<string[]> {
  const found: string[] = [];
  for await (const { event } of platform.read(topics.lifecycle)) {
    if (event.type === 'TrainingRequested') found.push(`${event.run} by ${event.trigger}`);
    if (event.type === 'TrainingDeclined') found.push(`no ${event.trigger}: ${event.code}`);
  }
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

  it('runs once for all that speaks for it at one tick', async () => {
    await applied();
    const dropped: Lifecycle = {
      ...base,
      type: 'PerformanceDropped',
      version: 1,
      metric: 'loss',
      value: 1,
      reference: 0.5,
      at: at(5_000),
    };
    await hears(serves(1), labels(5_000), dropped, drift(5_000));
    await ticks();
    expect(await decisions()).toEqual(['m-run-1 by drift']);
  });

  it('declines in the cooldown, with too few labels, during a run, and where it is switched off, and says so', async () => {
    await applied('cooldownLabels: 300, minLabels: 1000, onPerformance: false, bootstrapLabels: 1000');
    await hears(serves(1), drift(999));
    await ticks();
    await hears(drift(1_000));
    await ticks();
    await hears(drift(2_000));
    await ticks();
    await hears(finished('m-run-1'), drift(1_299));
    await ticks();
    const dropped: Lifecycle = {
      ...base,
      type: 'PerformanceDropped',
      version: 1,
      metric: 'loss',
      value: 1,
      reference: 0.5,
      at: at(5_000),
    };
    await hears(dropped);
    await ticks();
    expect(await decisions()).toEqual([
      'no drift: too-few-labels',
      'm-run-1 by drift',
      'no drift: run-under-way',
      'no drift: cooldown',
      'no performance: switched-off',
    ]);
  });

  it('does what a person commands, whatever the cooldown, but one run at a time', async () => {
    await applied();
    await hears(serves(1), drift(5_000));
    await ticks();
    const command: Lifecycle = { ...base, type: 'RetrainCommanded', actor: 'jane', reason: 'new prices' };
    await hears(command);
    await ticks();
    await hears(finished('m-run-1'), command);
    await ticks();
    expect(await decisions()).toEqual(['m-run-1 by drift', 'no manual: run-under-way', 'm-run-2 by manual']);
    expect(await lastRequest()).toMatchObject({ actor: 'jane' });
  });

  it('gives up a run that has said nothing for a day', async () => {
    await applied();
    await hears(serves(1), drift(5_000));
    await ticks();
    await hears(drift(9_000));
    await ticks(RUN_LOST_MS);
    expect(await decisions()).toEqual(['m-run-1 by drift', 'm-run-2 by drift']);
  });
});
