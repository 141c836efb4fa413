import { predictionId, routingHash, topics, type LabelObserved, type Outcome, type Predicted } from '@gyre/contracts';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { join, type Joining } from './join.js';

const HOUR = 3_600_000;
const [MODEL] = readSpecs(
  'kind: FeatureView\nname: v\nentity: e\nfields: { x: float }\n---\nkind: Model\nname: m\nfeatures: [v.x]\nlabel: { name: y, type: binary, horizon: 1h }\n',
  'spec.yaml',
).models;
const T = Date.parse('2026-11-22T12:00:00Z');

let platform: EmbeddedPlatform;
beforeEach(() => {
  platform = EmbeddedPlatform.inMemory({ partitions: 3 });
  platform.run(join({ model: (name) => (name === 'm' ? MODEL : undefined), unknownHorizonMs: HOUR }));
});
afterEach(() => platform.close());

const idOf = (entity: string, at = T, unique = 'a') =>
  predictionId({ routing: routingHash('m', entity), predictedAt: at, unique });

async function predicts(entity: string, at = T, unique = 'a', changes: Partial<Predicted> = {}): Promise<string> {
  const id = idOf(entity, at, unique);
  const nothing = { request: null, seen: null, fallback: null, rollout: null, shadows: [] };
  const predicted: Predicted = {
    ...nothing,
    id,
    model: 'm',
    occurredAt: at,
    entity,
    features: [1],
    version: 1,
    output: [0.4, 0.6],
    ...changes,
  };
  await platform.append(topics.predictions, [predicted]);
  await platform.settled();
  return id;
}
async function labels(changes: Partial<LabelObserved>): Promise<void> {
  const label: LabelObserved = {
    event: 'l',
    model: null,
    prediction: null,
    entity: null,
    at: null,
    value: 1,
    occurredAt: T + 1,
    ...changes,
  };
  await platform.append(topics.feedback, [label]);
  await platform.settled();
}
async function passes(time: number): Promise<void> {
  await platform.tick(time);
  await platform.settled();
}
async function outcomes(): Promise<[Outcome['kind'], string, number | null][]> {
  const found: Outcome[] = [];
  for await (const { event } of platform.read(topics.outcomes)) found.push(event);
  return found.map(({ kind, prediction, label }) => [kind, prediction, label]);
}
async function deadLetters(): Promise<string[]> {
  const found: string[] = [];
  for await (const { event } of platform.read(topics.deadletter)) found.push(event.code);
  return found;
}

describe('the rules for labels', () => {
  it('join a label to its prediction by id', async () => {
    const id = await predicts('a');
    await labels({ prediction: id });
    expect(await outcomes()).toEqual([['joined', id, 1]]);
  });

  it('take the scores of shadows from a repeat, where the first record of a prediction has lost them', async () => {
    const shadows = [{ version: 2, output: [0.9, 0.1] }];
    const shadowsOf = async (entity: string, first: Partial<Predicted>, repeat: Partial<Predicted>) => {
      await predicts(entity, T, 'a', { rollout: 'r1', ...first });
      const id = await predicts(entity, T, 'a', { rollout: 'r1', ...repeat });
      await labels({ prediction: id });
      for await (const { event } of platform.read(topics.outcomes))
        if (event.prediction === id) return event.predicted?.shadows;
      return undefined;
    };
    expect(await shadowsOf('a', {}, { shadows })).toEqual(shadows);
    expect(await shadowsOf('b', { shadows }, { shadows: [{ version: 2, output: [0, 1] }] })).toEqual(shadows);
    expect(await shadowsOf('c', {}, { shadows, version: 3 })).toEqual([]);
    expect(await shadowsOf('d', {}, { shadows, rollout: 'r2' })).toEqual([]);
    expect(await shadowsOf('e', {}, { shadows, features: [2] })).toEqual([]);
  });

  it('let an early label wait for its prediction', async () => {
    await labels({ prediction: idOf('a') });
    expect(await outcomes()).toEqual([]);
    const id = await predicts('a');
    expect(await outcomes()).toEqual([['joined', id, 1]]);
  });

  it('hold an early label to the same rules as any other', async () => {
    await labels({ prediction: idOf('a'), value: 'nonsense' });
    await labels({ prediction: idOf('a'), model: 'm' });
    await labels({ prediction: idOf('b'), model: 'm', value: 7 });
    const id = await predicts('a');
    await predicts('b');
    expect(await outcomes()).toEqual([['joined', id, 1]]);
    expect(await deadLetters()).toEqual(['UNKNOWN_CLASS', 'UNKNOWN_CLASS']);
  });

  it('hold early labels to the rules for the same value and for others, however many come', async () => {
    const early = async (value: number, times = 1) => {
      for (let i = 0; i < times; i++) await labels({ prediction: idOf('a'), value });
    };
    await early(1, 40);
    for (let i = 0; i < 30; i++) await early(i % 2);
    await early(0, 3);
    const kept = [];
    for await (const { state } of platform.scan<Joining>({ name: 'drift-monitor.join' })) kept.push(state);
    expect(JSON.stringify(kept).length).toBeLessThan(3_000);
    const id = await predicts('a');
    const told: Outcome[] = [];
    for await (const { event } of platform.read(topics.outcomes)) told.push(event);
    expect(told[0]).toMatchObject({ kind: 'joined', prediction: id, label: 1 });
    expect(told.at(-1)).toMatchObject({ label: 0 });
    const count = (kind: Outcome['kind']) =>
      told.filter((one) => one.kind === kind).reduce((sum, { times = 1 }) => sum + times, 0);
    expect([count('joined'), count('corrected'), count('repeated')]).toEqual([1, 31, 41]);
  });

  it('wait for the spec of a new model, which may come after its first prediction', async () => {
    let tries = 0;
    await platform.close();
    platform = EmbeddedPlatform.inMemory({ partitions: 3 });
    platform.run(join({ model: () => (++tries > 3 ? MODEL : undefined), unknownHorizonMs: HOUR }));
    const id = await predicts('a');
    await labels({ prediction: id, value: 0 });
    expect(await outcomes()).toEqual([['joined', id, 0]]);
  });

  it('send a label to the dead letters whose prediction has not come within the horizon', async () => {
    await labels({ prediction: idOf('a') });
    await passes(T + HOUR - 1);
    expect(await deadLetters()).toEqual([]);
    await passes(T + HOUR + 1);
    expect(await deadLetters()).toEqual(['NO_PREDICTION']);
    expect(await outcomes()).toEqual([]);
  });

  it('drop the same value again, and count it', async () => {
    const id = await predicts('a');
    await labels({ prediction: id });
    await labels({ prediction: id });
    expect(await outcomes()).toEqual([
      ['joined', id, 1],
      ['repeated', id, 1],
    ]);
  });

  it('let the first value feed the detectors, and a conflicting one training only', async () => {
    const id = await predicts('a');
    await labels({ prediction: id, value: 1 });
    await labels({ prediction: id, value: 0 });
    await labels({ prediction: id, value: 0 });
    expect(await outcomes()).toEqual([
      ['joined', id, 1],
      ['corrected', id, 0],
      ['repeated', id, 0],
    ]);
  });

  it('keep a label after the horizon for training only, ticked or not', async () => {
    const [ticked, not] = [await predicts('a'), await predicts('b', T + HOUR)];
    await passes(T + HOUR + 1);
    await labels({ prediction: ticked, occurredAt: T + HOUR + 2 });
    await labels({ prediction: not, occurredAt: T + 2 * HOUR + 1 });
    expect((await outcomes()).sort()).toEqual(
      [
        ['expired', ticked, null],
        ['late', ticked, 1],
        ['expired', not, null],
        ['late', not, 1],
      ].sort(),
    );
  });

  it('hold an early label to the horizon, too', async () => {
    await labels({ prediction: idOf('a'), occurredAt: T + HOUR + 1 });
    const id = await predicts('a');
    expect(await outcomes()).toEqual([
      ['expired', id, null],
      ['late', id, 1],
    ]);
    await passes(T + HOUR + 2);
    expect(await outcomes()).toHaveLength(2);
  });

  it('count a prediction against coverage that no label has reached within the horizon, once', async () => {
    const id = await predicts('a');
    await passes(T + HOUR);
    await passes(T + HOUR + 5);
    await passes(T + 3 * HOUR);
    expect(await outcomes()).toEqual([['expired', id, null]]);
  });

  it('take for an entity and a time the latest prediction at or before it', async () => {
    const first = await predicts('a', T);
    const second = await predicts('a', T + 60_000);
    await predicts('b', T + 30_000);
    await labels({ model: 'm', entity: 'a', at: T + 59_999 });
    await labels({ model: 'm', entity: 'a', at: T + 60_000, value: 0 });
    expect(await outcomes()).toEqual([
      ['joined', first, 1],
      ['joined', second, 0],
    ]);
  });

  it('refuse a label for an entity that was predicted nothing', async () => {
    await predicts('a', T);
    await labels({ model: 'm', entity: 'a', at: T - 1 });
    await labels({ model: 'm', entity: 'c', at: T + 1 });
    expect(await deadLetters()).toEqual(['NO_PREDICTION', 'NO_PREDICTION']);
  });

  it('refuse what is no class of the model, and what names another model', async () => {
    const id = await predicts('a');
    await labels({ prediction: id, value: 'maybe' });
    await labels({ prediction: id, model: 'n' });
    await labels({ prediction: id, value: '1' });
    expect((await deadLetters()).sort()).toEqual(['UNKNOWN_CLASS', 'WRONG_MODEL']);
    expect(await outcomes()).toEqual([['joined', id, 1]]);
  });

  it('count a prediction once that was sent twice', async () => {
    const id = await predicts('a');
    await predicts('a');
    await labels({ prediction: id });
    await predicts('a');
    expect(await outcomes()).toEqual([['joined', id, 1]]);
  });

  it('forget a prediction after twice the horizon', async () => {
    const id = await predicts('a');
    await labels({ prediction: id });
    await passes(T + 2 * HOUR + 1);
    await labels({ prediction: id, occurredAt: T + 2 * HOUR + 2 });
    expect(await deadLetters()).toEqual(['NO_PREDICTION']);
  });
});
