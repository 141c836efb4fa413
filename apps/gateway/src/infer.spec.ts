import { parsePredictionId, routingHash } from '@gyre/contracts';
import { answering, aSpec, echoing } from './a-model.js';
import { anInference, heights, NOW, output, turns } from './an-inference.js';
import type { InferAnswer, Tensor } from './oip.js';

describe('an inference that may wait for others', () => {
  const { world, serving, infer } = anInference({ maxQueueDelayMicros: 60_000_000 });

  it('waits no longer than until a batch is full', async () => {
    await serving({ champion: [1, echoing()] });
    const began = performance.now();
    const first = infer({ inputs: [heights(0.1, 0.2)] });
    await turns();
    expect(world.runs).toEqual([]);
    await Promise.all([first, infer({ inputs: [heights(0, 0, 0)] }), infer({ inputs: [heights(0, 0, 0)] })]);
    expect(world.runs).toEqual([8]);
    expect(performance.now() - began).toBeLessThan(30_000);
  });
});

describe('an inference', () => {
  const { world, serving, infer, recorded } = anInference();

  it('scores the requests of one turn in batches, and records them with one write before any answer leaves', async () => {
    await serving({ champion: [1, echoing()] });
    let writesAtAnswer = 0;
    const some = Array.from({ length: 20 }, (_, i) => i / 20);
    const answers = await Promise.all(
      some.map((height) =>
        infer({ inputs: [heights(height)] }).then((answer) => ((writesAtAnswer = world.writes.length), answer)),
      ),
    );
    expect(world.runs).toEqual([8, 8, 4]);
    expect(writesAtAnswer).toBe(1);
    expect(world.writes.map((events) => events.length)).toEqual([20]);
    for (const [i, answer] of answers.entries())
      expect(output(answer, 'probabilities')[1]).toBeCloseTo(some[i] as number);
    expect(new Set(recorded().map(({ id }) => id)).size).toBe(20);
    expect(recorded().map(({ output: o }) => o[1])).toEqual(some.map(Math.fround));
  });

  it('scores a request of many rows part by part, and others between them', async () => {
    await serving({ champion: [1, echoing()] });
    const some = Array.from({ length: 50 }, (_, i) => i / 50);
    const large = infer({ inputs: [heights(...some)] });
    await new Promise((resolve) => setImmediate(resolve));
    await infer();
    expect(world.runs.length).toBeLessThan(8);
    const wet = output(await large, 'probabilities').filter((_, i) => i % 2 === 1);
    wet.forEach((value, i) => expect(value).toBeCloseTo(some[i] as number));
    expect(world.runs.toSorted((a, b) => b - a)).toEqual([8, 8, 8, 8, 8, 8, 2, 1]);
  });

  it('carries the id by which a label will name it', async () => {
    await serving({ champion: [1, echoing()], rollout: 'r1' });
    const { parameters, version, id } = await infer({ id: 'mine' });
    expect({ version, id, parameters }).toMatchObject({
      version: '1',
      id: 'mine',
      parameters: { version: '1', role: 'champion' },
    });
    expect(recorded()).toMatchObject([
      {
        id: parameters['prediction_id'],
        model: 'tides',
        request: 'mine',
        occurredAt: NOW,
        version: 1,
        rollout: 'r1',
        features: [0.25, 0],
        seen: null,
      },
    ]);
  });

  it('is the same prediction when a request with id and time is sent again', async () => {
    await serving({ champion: [1, echoing()] });
    const again = { id: 'row-7', parameters: { time: '1996-05-07T00:30:00Z' } };
    const ids = [await infer(again), await infer(again), await infer({ id: 'row-7' })].map(
      (answer) => answer.parameters['prediction_id'],
    );
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(parsePredictionId(ids[0] as string)).toMatchObject({
      predictedAt: Date.parse('1996-05-07T00:30:00Z'),
      unique: 'row-7',
    });
  });

  it('answers several rows with an id for each', async () => {
    await serving({ champion: [1, echoing()] });
    const answer = await infer({
      inputs: [heights(0.2, 0.9)],
      id: 'two',
      parameters: { time: '2026-11-22T00:00:00Z' },
    });
    expect(output(answer, 'label')).toEqual(['dry', 'wet']);
    expect(output(answer, 'prediction_id')).toEqual(recorded().map(({ id }) => id));
    expect(recorded().map(({ id }) => parsePredictionId(id)?.unique)).toEqual(['two.0', 'two.1']);
  });

  it('takes a tensor for each feature, in any order, of any numeric type', async () => {
    await serving({ champion: [1, echoing()] });
    const inputs: Tensor[] = [
      { name: 'sea.wind', datatype: 'INT64', shape: [2, 1], values: [3, 4] },
      { name: 'height', datatype: 'FP64', shape: [2], values: [0.5, NaN] },
    ];
    await infer({ inputs });
    expect(recorded().map(({ features }) => features)).toEqual([
      [0.5, 3],
      [null, 4],
    ]);
  });

  it('looks up the features of entities, with one call for a turn, and says how good they are', async () => {
    await serving({ champion: [1, echoing()] });
    const [one, two, alone] = await Promise.all([
      infer({ inputs: [], parameters: { entity: 'e90' } }),
      infer({ inputs: [{ name: 'entity', datatype: 'BYTES', shape: [2], values: ['e20', 'e1'] }] }),
      infer(),
    ]);
    expect(world.lookUps.map(({ entities, at }) => [entities, at])).toEqual([[['e90', 'e20', 'e1'], NOW]]);
    expect(one?.parameters).toMatchObject({ feature_status: 'present', feature_age_ms: 90 });
    expect(two?.parameters).toMatchObject({ feature_status: 'outOfRange', feature_age_ms: 20 });
    expect(output(one as InferAnswer, 'label')).toEqual(['wet']);
    expect(alone?.parameters).not.toHaveProperty('feature_status');
    const events = recorded().filter(({ entity }) => entity !== null);
    expect(events.map(({ entity, seen, features }) => [entity, seen, features])).toEqual([
      ['e90', { sea: 7 }, [Math.fround(0.9), 5]],
      ['e20', { sea: 7 }, [Math.fround(0.2), 5]],
      ['e1', { sea: 7 }, [Math.fround(0.01), 5]],
    ]);
    expect(events.map(({ id }) => parsePredictionId(id)?.routing)).toEqual(
      ['e90', 'e20', 'e1'].map((entity) => routingHash('tides', entity)),
    );
  });

  it('takes each row at a time of its own, where the request has an input of times', async () => {
    await serving({ champion: [1, echoing()] });
    const texts = (name: string, values: string[]): Tensor => ({ name, datatype: 'BYTES', shape: [2], values });
    const times = [NOW - 60_000, NOW];
    const inputs = [
      texts('entity', ['e20', 'e1']),
      texts(
        'time',
        times.map((time) => new Date(time).toISOString()),
      ),
    ];
    await infer({ id: 'mine', inputs });
    expect(world.lookUps.map(({ at }) => at)).toEqual([times]);
    const events = recorded();
    expect(events.map(({ occurredAt }) => occurredAt)).toEqual(times);
    expect(events.map(({ id }) => parsePredictionId(id))).toMatchObject(
      times.map((predictedAt, row) => ({ predictedAt, unique: `mine.${row}` })),
    );
  });

  it('records an entity beside the features that a request brought', async () => {
    await serving({ champion: [1, echoing()] });
    await infer({ parameters: { entity: 'e5' } });
    expect(recorded()).toMatchObject([{ entity: 'e5', seen: null, features: [0.25, 0] }]);
    expect(world.lookUps).toEqual([]);
  });

  it('scores shadows on the same rows when the answer has left, and a shadow that fails takes nothing with it', async () => {
    await serving({
      champion: [1, echoing()],
      shadows: [
        [2, answering(0.75)],
        [3, answering(NaN)],
      ],
    });
    await infer({ inputs: [heights(0.25, 0.5)] });
    expect(world.shadowed).toEqual([]);
    await turns();
    const scores = [{ version: 2, output: [0.25, 0.75] }];
    expect(world.shadowed).toEqual([
      { sequence: 0, shadows: scores },
      { sequence: 1, shadows: scores },
    ]);
    expect(recorded().map(({ version, output: o, shadows }) => [version, o, shadows])).toEqual([
      [1, [0.75, 0.25], []],
      [1, [0.5, 0.5], []],
    ]);
  });

  it('gives a shadow no batch before it has answered the one before, whatever becomes of that', async () => {
    await serving({ champion: [1, echoing()], shadows: [[2, answering(0.75)]] });
    const { promise, resolve } = Promise.withResolvers<Float32Array>();
    world.shadowAnswers = promise;
    for (let i = 0; i < 3; i++) {
      await infer();
      await new Promise((after) => setTimeout(after, i === 0 ? 1_200 : 20));
    }
    expect(world.runs).toEqual([1, 1, 1, 1]);
    expect(world.shadowed.map(({ shadows }) => shadows)).toEqual([[], [], []]);
    world.shadowAnswers = null;
    resolve(Float32Array.of(0, 1));
    await turns();
    await infer();
    await turns();
    expect(world.shadowed.at(-1)?.shadows).toMatchObject([{ version: 2 }]);
  });

  it('scores the champion beside a canary, and records the route', async () => {
    await serving({ champion: [1, echoing()], shadows: [[2, answering(0.75)]], arms: [[2, answering(0.75), 1]] });
    expect((await infer()).parameters).toMatchObject({ role: 'canary', version: '2' });
    await turns();
    expect(recorded()).toMatchObject([{ version: 2, route: 'canary' }]);
    expect(world.shadowed.map(({ shadows }) => shadows.map(({ version }) => version))).toEqual([[1]]);
  });

  it('answers by a version that is named, without shadows', async () => {
    await serving({ champion: [2, echoing()], previous: [1, answering(0.75)], shadows: [[3, answering(0.5)]] });
    const answer = await infer({ version: '1' });
    expect(answer).toMatchObject({ version: '1', parameters: { role: 'previous', version: '1' } });
    expect(recorded()).toMatchObject([{ version: 1, output: [0.25, 0.75], shadows: [] }]);
    await expect(infer({ version: '9' })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
  });

  it('answers a regression with its value', async () => {
    await serving({}, aSpec({ label: { name: 'level', type: 'regression' }, fallback: { value: 1.5 } }));
    const answer = await infer();
    expect(output(answer, 'value')).toEqual([1.5]);
    expect(recorded()).toMatchObject([{ output: [1.5] }]);
  });

  it('gives only the outputs that were asked for, and always the ids of several rows', async () => {
    await serving({ champion: [1, echoing()] });
    const names = async (outputs: string[], rows: number): Promise<string[]> => {
      const answer = await infer({ outputs, inputs: [heights(...new Array<number>(rows).fill(0.5))] });
      return answer.outputs.map(({ name }) => name);
    };
    expect(await names(['label'], 1)).toEqual(['label']);
    expect(await names(['prediction_id'], 1)).toEqual(['prediction_id']);
    expect(await names(['label'], 2)).toEqual(['label', 'prediction_id']);
    const answer = await infer({ outputs: ['prediction_id'] });
    expect(output(answer, 'prediction_id')).toEqual([answer.parameters['prediction_id']]);
    await expect(infer({ outputs: ['logits'] })).rejects.toThrow(
      'tides has no output "logits"; it has probabilities, label, prediction_id',
    );
  });
});
