import type { Lifecycle, Predicted } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { inputs } from './inputs.js';
import { KnownVersions } from './known-versions.js';
import { VERSIONS_KEPT } from './trainings.js';

const [spec] = readSpecs(
  'kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\n',
  'spec.yaml',
).models;
const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
const reference = [{ feature: 'v.x', edges: [0], counts: [50, 50], missing: 0 }];
const candidate = { name: 'linear', metrics: { loss: 0.5 }, baseline: {}, onnx: 'a'.repeat(64) };

/** The lifecycle by which a version comes to be known. */
function registered(version: number): Lifecycle[] {
  const run = `run-${version}`;
  const finished = { trigger: 'bootstrap', candidates: [candidate], reference, failure: null };
  return [
    { ...base, type: 'TrainingFinished', run, ...finished } as unknown as Lifecycle,
    { ...base, type: 'VersionRegistered', version, run, candidate, gates: [] } as unknown as Lifecycle,
  ];
}

const predicted = (version: number): Predicted => ({
  id: 'p',
  model: 'm',
  occurredAt: 5,
  request: null,
  version,
  features: [1],
  output: [0.4, 0.6],
  seen: null,
  fallback: null,
  rollout: null,
  shadows: [],
  entity: null,
});

describe('inputs', () => {
  it('goes on from the state of a version that is no longer known: what it answered still counts, what it was fed has nothing to be compared with', () => {
    const known = new KnownVersions();
    const task = inputs({ model: () => spec, training: (model, version) => known.training(model, version) });
    registered(1).forEach((event) => known.apply(event));
    const { state } = task.handle(undefined, predicted(1), { now: 5 } as never);
    const saved = JSON.parse(JSON.stringify(task.codec!.save(state!)));
    expect(saved.partials[0].bins).toHaveLength(1);

    for (let version = 2; version <= VERSIONS_KEPT + 2; version += 1)
      registered(version).forEach((event) => known.apply(event));
    expect(known.training('m', 1)?.reference).toEqual([]);
    const restored = task.codec!.load(saved);
    const { publish = [], state: left } = task.wake!(task.handle(restored, predicted(1), { now: 6 } as never).state!, {
      now: 60_000,
    } as never);
    expect(left).toBeNull();
    expect(publish.flatMap(({ events }) => events)).toMatchObject([
      { version: 1, rows: 2, features: [], outputs: expect.any(Object) as object },
    ]);
  });
});
