import { topics, type Candidate, type Lifecycle, type LifecycleOf, type LifecycleType } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { keep } from './keep.js';
import type { ModelRecord } from './model-record.js';

export const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
export const evidence = { pairs: 900, mean: 0.1, lower: 0.01, upper: 0.2, alpha: 0.025 };

export const candidate = (changes: Partial<Candidate> = {}): Candidate => ({
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
export const trained = (run: string, ...candidates: Candidate[]): Lifecycle => ({
  ...base,
  type: 'TrainingFinished',
  run,
  trigger: 'drift',
  candidates,
  reference: [],
  failure: null,
});

/** A registry for each test, on a platform in memory, and what can be said to it and asked of it; its one model is `m`. */
export function registryInTest() {
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

  return {
    applied,
    hears,
    ticks,
    runs,
    underWay,
    decided,
    record,
    told,
    serving,
    read: () => platform.read(topics.lifecycle),
    now: () => time,
  };
}
