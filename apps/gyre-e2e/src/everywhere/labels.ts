import { predictionId, routingHash, type DeadLetterEntry, type LabelCounts, type LabelValue } from '@gyre/contracts';
import { labelFor, type RunningGyre, until, type InferAnswer } from '../harness.js';
import { oneGyre } from './one-gyre.js';

const HORIZON = 60_000;

/** A model for each rule, so that their counts stay apart. */
const RULES = [
  'in-time',
  'again',
  'conflict',
  'late',
  'expired',
  'never',
  'entity',
  'race',
  'foreign',
  'unlike',
  'other',
] as const;
type Model = (typeof RULES)[number];

const specs = [
  'kind: FeatureView\nname: press\nentity: press_id\nfields: { temperature: float }\n',
  ...RULES.map(
    (name) =>
      `kind: Model\nname: ${name}\nfeatures: [press.temperature]\nlabel: { name: failed, type: binary, horizon: ${HORIZON}ms }\n`,
  ),
].join('---\n');

describe('a label', () => {
  let running: RunningGyre;
  beforeAll(async () => {
    running = await oneGyre();
    await running.apply(specs);
  });

  const send = async (...events: object[]) => {
    await running.send(...events);
    await running.settle();
  };
  const countsOf = async (model: Model) => (await running.labels(model)).counts;
  const only = (counts: Partial<LabelCounts['counts']>): LabelCounts['counts'] => ({
    joined: 0,
    corrected: 0,
    late: 0,
    repeated: 0,
    expired: 0,
    ...counts,
  });
  const refusal = (of: string): Promise<DeadLetterEntry> =>
    until(`the dead letter of ${of}`, async () =>
      (await running.deadLetters()).find(({ preview }) => preview.includes(`"${of}"`)),
    );
  const byEntity = (model: Model, entity: string, at: number, value: LabelValue, id: string) => ({
    id,
    type: 'label',
    model,
    entity,
    at: new Date(at).toISOString(),
    value,
    time: new Date().toISOString(),
  });

  it('in time is joined, and its prediction waits no longer', async () => {
    const id = await running.predict('in-time', 'a');
    await running.settle();
    expect(await running.labels('in-time')).toMatchObject({ waiting: 1, coverage: null });
    await send(labelFor(id, 1));
    expect(await running.labels('in-time')).toMatchObject({ waiting: 0, coverage: 1, counts: only({ joined: 1 }) });
  });

  it('sent again with the same value is dropped, whatever its event id', async () => {
    const id = await running.predict('again', 'b');
    await send(labelFor(id, 1, { id: 'same' }));
    await send(labelFor(id, 1, { id: 'same' }));
    expect(await countsOf('again')).toEqual(only({ joined: 1 }));
    await send(labelFor(id, 1, { id: 'another' }));
    expect(await countsOf('again')).toEqual(only({ joined: 1, repeated: 1 }));
  });

  it('in conflict with the first corrects it: the detectors keep the first', async () => {
    const id = await running.predict('conflict', 'c');
    await send(labelFor(id, 1));
    await send(labelFor(id, 0));
    expect(await countsOf('conflict')).toEqual(only({ joined: 1, corrected: 1 }));
    expect(await running.get('/v1/models/conflict/performance')).toMatchObject({ labels: 1 });
    await send(labelFor(id, 0, { id: 'corrected-again' }));
    expect(await countsOf('conflict')).toEqual(only({ joined: 1, corrected: 1, repeated: 1 }));
  });

  it('known after the horizon is late: it feeds no detector', async () => {
    const now = Date.now();
    const id = await running.predict('late', 'd', now);
    await send(labelFor(id, 1, { time: now + HORIZON + 1 }));
    expect(await countsOf('late')).toEqual(only({ expired: 1, late: 1 }));
    expect(await running.get('/v1/models/late/performance')).toMatchObject({ labels: 0 });
    expect((await running.labels('late')).coverage).toBe(0);
  });

  it('that never came within the horizon counts against coverage, and is late if it comes after all', async () => {
    const then = Date.now() - HORIZON - 5_000;
    const id = await running.predict('expired', 'e', then);
    const kept = await running.predict('expired', 'f');
    await send(labelFor(kept, 0));
    await until('the horizon to end', async () => ((await countsOf('expired')).expired === 1 ? true : undefined));
    expect((await running.labels('expired')).coverage).toBe(0.5);
    await send(labelFor(id, 1));
    expect(await countsOf('expired')).toEqual(only({ joined: 1, expired: 1, late: 1 }));
    expect((await running.labels('expired')).coverage).toBe(0.5);
  });

  it('for an id that nobody has seen waits for the horizon, then lies in the dead letters', async () => {
    // Two labels, one at either end of the wait: how long this takes plays no part.
    const [now, waited] = [Date.now(), Date.now() - HORIZON - 1_000];
    const nobodys = (time: number, unique: string) => {
      const id = predictionId({ routing: routingHash('in-time', 'g'), predictedAt: time, unique });
      return { id, label: { ...labelFor(id, 1, { time }), model: 'never' } };
    };
    const [young, old] = [nobodys(now, 'young'), nobodys(waited, 'old')];
    await send(young.label, old.label);
    expect(await refusal(old.id)).toMatchObject({ code: 'NO_PREDICTION', group: 'drift-monitor.join' });
    expect((await running.labels('never')).early).toBe(1);
    expect(await running.labels('late')).toMatchObject({ early: 0, earlyUnnamed: 0 });
    expect(await running.deadLetters()).not.toContainEqual(
      expect.objectContaining({ preview: expect.stringMatching(young.id) }),
    );
  });

  it('that comes at the same moment as its prediction is joined, whichever is first', async () => {
    for (let i = 0; i < 30; i++) await running.send(labelFor(await running.predict('race', `h${i}`), i % 2));
    await running.settle();
    expect(await running.labels('race')).toMatchObject({ counts: only({ joined: 30 }), waiting: 0 });
  });

  it('by entity and time belongs to the latest prediction at or before that time', async () => {
    const now = Date.now();
    const [first, second] = [
      await running.predict('entity', 'i', now - 2_000),
      await running.predict('entity', 'i', now - 1_000),
    ];
    await running.settle();
    await send(byEntity('entity', 'i', now - 1_500, 1, 'between'));
    await send(labelFor(first, 1));
    expect(await countsOf('entity')).toEqual(only({ joined: 1, repeated: 1 }));
    await send(byEntity('entity', 'i', now - 1_000, 0, 'at'));
    await send(labelFor(second, 0));
    expect(await countsOf('entity')).toEqual(only({ joined: 2, repeated: 2 }));
    await send(byEntity('entity', 'i', now - 2_001, 1, 'before-all'));
    expect(await refusal('before-all')).toMatchObject({ code: 'NO_PREDICTION' });
  });

  it('by entity, time and model passes by the predictions of other models', async () => {
    const now = Date.now();
    const mine = await running.predict('entity', 'shared', now - 2_000);
    await running.predict('other', 'shared', now - 1_000);
    await running.settle();
    const before = await countsOf('entity');
    await send(byEntity('entity', 'shared', now, 1, 'shared-by-two'));
    await send(labelFor(mine, 1));
    expect(await countsOf('entity')).toEqual({ ...before, joined: before.joined + 1, repeated: before.repeated + 1 });
    expect(await running.deadLetters()).not.toContainEqual(
      expect.objectContaining({ preview: expect.stringMatching('shared-by-two') }),
    );
  });

  it('finds its prediction even where two models were asked under one request id', async () => {
    const body = { id: 'request-1', parameters: { entity: 'k', time: new Date().toISOString() } };
    const ids: string[] = [];
    for (const model of ['in-time', 'again']) {
      const answer = await running.post<InferAnswer>(`/v2/models/${model}/infer`, body);
      ids.push(String(answer.parameters['prediction_id']));
    }
    await running.settle();
    const before = [await countsOf('in-time'), await countsOf('again')];
    await send(...ids.map((id) => labelFor(id, 1, { id: `of-${id}` })));
    expect(
      [await countsOf('in-time'), await countsOf('again')].map(({ joined }, i) => joined - (before[i]?.joined ?? 0)),
    ).toEqual([1, 1]);
  });

  it('of another model, of no class, or for no prediction id is refused with its reason', async () => {
    const id = await running.predict('foreign', 'j');
    await running.settle();
    await send({ ...labelFor(id, 1, { id: 'other-model' }), model: 'unlike' });
    expect(await refusal('other-model')).toMatchObject({
      code: 'WRONG_MODEL',
      reason: expect.stringMatching(/"foreign"/),
    });
    await send(labelFor(id, 7, { id: 'no-class' }));
    expect(await refusal('no-class')).toMatchObject({
      code: 'UNKNOWN_CLASS',
      reason: expect.stringMatching(/\[0,1\]/),
    });
    await send(labelFor('not-an-id', 1, { id: 'no-id' }));
    expect(await refusal('no-id')).toMatchObject({ code: 'BAD_PREDICTION_ID' });
    expect(await running.labels('foreign')).toMatchObject({ counts: only({}), waiting: 1 });
  });
});
