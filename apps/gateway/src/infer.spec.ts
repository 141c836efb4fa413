import {
  GyreError,
  parsePredictionId,
  routingHash,
  type OnlineRequest,
  type OnlineRow,
  type Predicted,
} from '@gyre/contracts';
import { Metrics } from '@gyre/hosting';
import { OnnxModel } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { ANYBODY, type Caller } from './caller.js';
import { answering, apply, aSpec, echoing, KeptLog, serve, type Wanted } from './a-model.js';
import { Admission } from './admission.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import type { InferAnswer, InferRequest, Tensor } from './oip.js';
import type { PredictionLog } from './prediction-log.js';
import { ServingTable } from './serving.js';

const NOW = Date.parse('2026-11-22T14:05:00Z');

describe('an inference', () => {
  let platform: EmbeddedPlatform;
  let table: ServingTable;
  let inference: Inference;
  let runs: number[];
  /** One entry for each write. */
  let writes: Predicted[][];
  let logFails: Error | null;
  /** The scores of shadows, by the row of what was recorded. */
  let shadowed: Parameters<PredictionLog['shadows']>[0][number][];
  let runFails: boolean;
  let lookUps: OnlineRequest[];
  let lookUpFails: Error | null;
  const metrics = new GatewayMetrics(new Metrics(), new KeptLog());

  beforeEach(async () => {
    platform = EmbeddedPlatform.inMemory();
    [runs, writes, lookUps, shadowed] = [[], [], [], []];
    [logFails, lookUpFails, runFails] = [null, null, false];
    table = new ServingTable({ platform, log: new KeptLog(), load: watched });
    const append = (events: readonly Predicted[]): number => {
      if (logFails !== null) throw logFails;
      const first = recorded().length;
      writes.push([...events]);
      return first;
    };
    const limits = {
      maxSkewMs: 300_000,
      rowsMax: 50,
      maxBatchSize: 8,
      maxQueueDelayMicros: 0,
      rowsInFlightMax: 60,
      shadowRowsMax: 40,
    };
    const concurrency = { max: 40, min: 1, delayTargetMs: null };
    const admission = new Admission({ rate: { perSecond: null, burst: 3, ofClients: { greedy: 1 } }, concurrency });
    const shadows: PredictionLog['shadows'] = (scored) => shadowed.push(...scored);
    const log = { append, shadows };
    inference = new Inference({ table, log, features: { get }, metrics, admission, limits, now: () => NOW });
  });
  afterEach(async () => {
    await table.close();
    await platform.close();
  });

  function watched(onnx: Uint8Array): OnnxModel {
    const model = OnnxModel.load(onnx);
    const run = model.run.bind(model);
    model.run = (features, rows) => {
      if (runFails) throw new Error('out of memory');
      runs.push(rows);
      return run(features, rows);
    };
    return model;
  }
  async function get(request: OnlineRequest): Promise<OnlineRow[]> {
    lookUps.push(request);
    if (lookUpFails !== null) throw lookUpFails;
    return request.entities.map((entity) => ({
      entity,
      values: [Number(entity.slice(1)) / 100, 5],
      status: ['present', entity === 'e1' ? 'outOfRange' : 'present'],
      ageMs: [Number(entity.slice(1)), 3],
      seen: { sea: 7 },
    }));
  }
  const serving = async (wanted: Wanted, spec = aSpec()): Promise<void> => {
    await apply(platform, spec);
    await serve(platform, wanted);
    await table.open();
    runs = [];
  };
  const matrix = (...heights: number[]): Tensor => {
    return {
      name: 'features',
      datatype: 'FP32',
      shape: [heights.length, 2],
      values: heights.flatMap((height) => [height, 0]),
    };
  };
  const infer = (over: Partial<InferRequest> = {}, caller?: Caller): Promise<InferAnswer> =>
    inference.infer(
      () => ({
        model: 'tides',
        version: '',
        id: '',
        parameters: {},
        inputs: [matrix(0.25)],
        outputs: [],
        raw: false,
        ...over,
      }),
      caller,
    );
  const output = ({ outputs }: InferAnswer, name: string): unknown[] =>
    Array.from((outputs.find((o) => o.name === name) as Tensor).values as unknown[]);
  const recorded = (): Predicted[] => writes.flat();
  /** Some turns of the loop. */
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('scores the requests of one turn in batches, and records them with one write before any answer leaves', async () => {
    await serving({ champion: [1, echoing()] });
    let writesAtAnswer = 0;
    const heights = Array.from({ length: 20 }, (_, i) => i / 20);
    const answers = await Promise.all(
      heights.map((height) =>
        infer({ inputs: [matrix(height)] }).then((answer) => ((writesAtAnswer = writes.length), answer)),
      ),
    );
    expect(runs).toEqual([8, 8, 4]);
    expect(writesAtAnswer).toBe(1);
    expect(writes.map((events) => events.length)).toEqual([20]);
    for (const [i, answer] of answers.entries())
      expect(output(answer, 'probabilities')[1]).toBeCloseTo(heights[i] as number);
    expect(new Set(recorded().map(({ id }) => id)).size).toBe(20);
    expect(recorded().map(({ output: o }) => o[1])).toEqual(heights.map(Math.fround));
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
    const answer = await infer({ inputs: [matrix(0.2, 0.9)], id: 'two', parameters: { time: '2026-11-22T00:00:00Z' } });
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
    expect(lookUps.map(({ entities, at }) => [entities, at])).toEqual([[['e90', 'e20', 'e1'], NOW]]);
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
    expect(lookUps.map(({ at }) => at)).toEqual([times]);
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
    expect(lookUps).toEqual([]);
  });

  it('scores shadows on the same rows when the answer has left, and a shadow that fails takes nothing with it', async () => {
    await serving({
      champion: [1, echoing()],
      shadows: [
        [2, answering(0.75)],
        [3, answering(NaN)],
      ],
    });
    await infer({ inputs: [matrix(0.25, 0.5)] });
    expect(shadowed).toEqual([]);
    await turns();
    const scores = [{ version: 2, output: [0.25, 0.75] }];
    expect(shadowed).toEqual([
      { sequence: 0, shadows: scores },
      { sequence: 1, shadows: scores },
    ]);
    expect(recorded().map(({ version, output: o, shadows }) => [version, o, shadows])).toEqual([
      [1, [0.75, 0.25], []],
      [1, [0.5, 0.5], []],
    ]);
  });

  it('leaves shadows out, and nothing else, when there is too much to do', async () => {
    await serving({ champion: [1, echoing()], shadows: [[2, answering(0.75)]] });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => infer({ inputs: [matrix(...new Array<number>(10).fill(0))] })),
    );
    expect(answers).toHaveLength(6);
    await turns();
    expect(shadowed).toHaveLength(40);
  });

  it('lets the previous version answer where the champion fails, flagged, and records which it was', async () => {
    await serving({ champion: [2, answering(NaN)], previous: [1, answering(0.75)], shadows: [[3, echoing()]] });
    const answer = await infer();
    expect(answer).toMatchObject({ version: '1', parameters: { role: 'previous', fallback_reason: 'not-finite' } });
    expect(recorded()).toMatchObject([{ version: 1, route: 'instead', fallback: 'not-finite', output: [0.25, 0.75] }]);
    await turns();
    expect(shadowed).toEqual([]);
  });

  it('lets the champion answer where the canary fails', async () => {
    await serving({ champion: [1, echoing()], arms: [[2, answering(NaN), 1]] });
    expect((await infer()).parameters).toMatchObject({ role: 'champion', fallback_reason: 'not-finite', version: '1' });
  });

  it('answers by the spec’s rules, row by row, and then by its default', async () => {
    const rules = [
      { when: { 'sea.height': { min: 0.5 }, 'sea.wind': { max: 0 } }, value: 'wet' },
      { when: { 'sea.height': { missing: true } }, value: 'wet' },
    ];
    await serving({}, aSpec({ fallback: { rules, value: 'dry' } }));
    const answer = await infer({ inputs: [matrix(0.25, 0.5, NaN)] });
    expect(output(answer, 'label')).toEqual(['dry', 'wet', 'wet']);
    expect(answer.parameters).toMatchObject({ role: 'fallback', fallback: 'rules', fallback_reason: 'no-version' });
    expect((await infer()).parameters).toMatchObject({ role: 'fallback', fallback: 'default' });
    expect(recorded().map(({ route }) => route)).toEqual(['rules', 'rules', 'rules', 'default']);
  });

  it('scores the champion beside a canary, and records the route', async () => {
    await serving({ champion: [1, echoing()], shadows: [[2, answering(0.75)]], arms: [[2, answering(0.75), 1]] });
    expect((await infer()).parameters).toMatchObject({ role: 'canary', version: '2' });
    await turns();
    expect(recorded()).toMatchObject([{ version: 2, route: 'canary' }]);
    expect(shadowed.map(({ shadows }) => shadows.map(({ version }) => version))).toEqual([[1]]);
  });

  it('answers by a version that is named, without shadows', async () => {
    await serving({ champion: [2, echoing()], previous: [1, answering(0.75)], shadows: [[3, answering(0.5)]] });
    const answer = await infer({ version: '1' });
    expect(answer).toMatchObject({ version: '1', parameters: { role: 'previous', version: '1' } });
    expect(recorded()).toMatchObject([{ version: 1, output: [0.25, 0.75], shadows: [] }]);
    await expect(infer({ version: '9' })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
  });

  it('gives the declared fallback, flagged, before the first version', async () => {
    await serving({}, aSpec({ fallback: { value: 'wet' } }));
    const answer = await infer();
    expect(answer).toMatchObject({
      version: '',
      parameters: { version: 'fallback', role: 'fallback', fallback_reason: 'no-version' },
    });
    expect(output(answer, 'label')).toEqual(['wet']);
    expect(recorded()).toMatchObject([{ version: null, fallback: 'no-version', output: [0, 1], features: [0.25, 0] }]);
  });

  it('gives the fallback when the model fails or the features cannot be had', async () => {
    await serving({ champion: [1, echoing()] });
    runFails = true;
    expect((await infer()).parameters).toMatchObject({ role: 'fallback', fallback_reason: 'run-failed' });
    lookUpFails = new Error('the store is away');
    const answer = await infer({ inputs: [], parameters: { entity: 'e1' } });
    expect(answer.parameters).toMatchObject({ role: 'fallback', fallback_reason: 'features-unavailable' });
    expect(recorded().at(-1)).toMatchObject({ features: [null, null], entity: 'e1', output: [1, 0] });
  });

  it('gives the fallback to the one request for which the model’s answer is no number', async () => {
    await serving({ champion: [1, echoing()] });
    const answers = await Promise.all([infer(), infer({ inputs: [matrix(NaN)] }), infer()]);
    expect(answers.map(({ parameters }) => parameters['fallback_reason'])).toEqual([
      undefined,
      'not-finite',
      undefined,
    ]);
    expect(runs).toEqual([3]);
    expect(recorded().map(({ version, features }) => [version, features[0]])).toEqual([
      [1, 0.25],
      [null, null],
      [1, 0.25],
    ]);
  });

  it('tells the caller what looking up again would not change', async () => {
    await serving({ champion: [1, echoing()] });
    lookUpFails = new GyreError('VIEW_NOT_FOUND', 'no view "sea"');
    await expect(infer({ inputs: [], parameters: { entity: 'e1' } })).rejects.toMatchObject({ code: 'VIEW_NOT_FOUND' });
  });

  it('refuses to answer where the spec says so', async () => {
    await serving({}, aSpec({ fallback: { refuse: true } }));
    await expect(infer({ id: 'seven' })).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(recorded()).toMatchObject([
      { request: 'seven', version: null, output: [], failure: { code: 'NOT_READY', requests: 1 } },
    ]);
  });

  const patient: Caller = { ...ANYBODY, client: 'one' };
  it('begins nothing that cannot be through by its deadline, and records that', async () => {
    await serving({ champion: [1, echoing()] });
    const late = { code: 'DEADLINE_EXCEEDED' };
    await expect(infer({}, { ...patient, deadlineAt: NOW - 5 })).rejects.toThrow(
      'the deadline passed 5 ms before tides',
    );
    expect(runs).toEqual([]);
    expect((await infer({ parameters: { timeout: 60_000_000 } }, patient)).version).toBe('1');
    // How long a run takes is known now: longer than a microsecond.
    await expect(infer({ parameters: { timeout: 1 } })).rejects.toMatchObject(late);
    expect(runs).toEqual([1]);
    expect(recorded().map(({ version, failure }) => [version, failure?.code])).toEqual([
      [1, late.code],
      [1, undefined],
      [1, late.code],
    ]);
    await expect(infer({ parameters: { timeout: 'soon' } })).rejects.toThrow('expected microseconds');
  });

  it('drops what nobody waits for any more, and answers the others of its turn', async () => {
    await serving({ champion: [1, echoing()] });
    const gone = expect(infer({}, { ...patient, cancelled: true })).rejects.toMatchObject({ code: 'CANCELLED' });
    await infer();
    await gone;
    expect(runs).toEqual([1]);
  });

  it('turns away what is over the limit or a client’s rate, and counts it in the log', async () => {
    await serving({ champion: [1, echoing()] });
    const all = await Promise.allSettled(Array.from({ length: 45 }, () => infer()));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(40);
    expect(all.at(-1)).toMatchObject({ reason: { code: 'OVERLOADED', details: { retryAfterMs: 100 } } });
    const greedy = Array.from({ length: 5 }, () => infer({}, { ...patient, client: 'greedy' }));
    const refused = (await Promise.allSettled(greedy)).filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'RATE_LIMITED' } }, { reason: { code: 'RATE_LIMITED' } }]);
    inference.countShed();
    expect(recorded().flatMap(({ failure }) => failure ?? [])).toEqual([
      { code: 'OVERLOADED', requests: 5 },
      { code: 'RATE_LIMITED', requests: 2 },
    ]);
    expect((await infer()).version).toBe('1');
  });

  it('answers a regression with its value', async () => {
    await serving({}, aSpec({ label: { name: 'level', type: 'regression' }, fallback: { value: 1.5 } }));
    const answer = await infer();
    expect(output(answer, 'value')).toEqual([1.5]);
    expect(recorded()).toMatchObject([{ output: [1.5] }]);
  });

  it('gives only the outputs that were asked for', async () => {
    await serving({ champion: [1, echoing()] });
    expect((await infer({ outputs: ['label'] })).outputs.map(({ name }) => name)).toEqual(['label']);
    await expect(infer({ outputs: ['logits'] })).rejects.toThrow(
      'tides has no output "logits"; it has probabilities, label, prediction_id',
    );
  });

  it('answers nothing that could not be recorded', async () => {
    await serving({ champion: [1, echoing()] });
    logFails = new GyreError('OVERLOADED', 'full');
    await expect(infer()).rejects.toBe(logFails);
  });

  it('refuses what is too much, and takes more when that is through', async () => {
    await serving({ champion: [1, echoing()] });
    const many = (count: number): InferRequest['inputs'] => [matrix(...new Array<number>(count).fill(0))];
    await expect(infer({ inputs: many(51) })).rejects.toThrow('the request has 51 rows; expected at most 50');
    const first = infer({ inputs: many(50) });
    await expect(infer({ inputs: many(11) })).rejects.toMatchObject({ code: 'OVERLOADED' });
    await first;
    expect((await infer({ inputs: many(11) })).outputs[0]?.shape).toEqual([11, 2]);
  });
});
