import { GyreError } from '@gyre/contracts';
import { answering, aSpec, echoing } from './a-model.js';
import { anInference, heights, NOW, output, turns } from './an-inference.js';
import { ANYBODY, type Caller } from './caller.js';
import type { InferRequest } from './oip.js';

describe('an inference that meets failures, or too much to do', () => {
  const { world, serving, infer, recorded } = anInference();
  const byEntity = { inputs: [], parameters: { entity: 'e1' } };

  it('leaves shadows out, and nothing else, when there is too much to do', async () => {
    await serving({ champion: [1, echoing()], shadows: [[2, answering(0.75)]] });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => infer({ inputs: [heights(...new Array<number>(10).fill(0))] })),
    );
    expect(answers).toHaveLength(6);
    await turns();
    expect(world.shadowed).toHaveLength(40);
  });

  it('lets the previous version answer where the champion fails, flagged, and records which it was', async () => {
    await serving({ champion: [2, answering(NaN)], previous: [1, answering(0.75)], shadows: [[3, echoing()]] });
    const answer = await infer();
    expect(answer).toMatchObject({ version: '1', parameters: { role: 'previous', fallback_reason: 'not-finite' } });
    expect(recorded()).toMatchObject([{ version: 1, route: 'instead', fallback: 'not-finite', output: [0.25, 0.75] }]);
    await turns();
    expect(world.shadowed).toEqual([]);
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
    const answer = await infer({ inputs: [heights(0.25, 0.5, NaN)] });
    expect(output(answer, 'label')).toEqual(['dry', 'wet', 'wet']);
    expect(answer.parameters).toMatchObject({ role: 'fallback', fallback: 'rules', fallback_reason: 'no-version' });
    expect((await infer()).parameters).toMatchObject({ role: 'fallback', fallback: 'default' });
    expect(recorded().map(({ route }) => route)).toEqual(['rules', 'rules', 'rules', 'default']);
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
    world.runFails = true;
    expect((await infer()).parameters).toMatchObject({ role: 'fallback', fallback_reason: 'run-failed' });
    world.lookUpFails = new Error('the store is away');
    const answer = await infer(byEntity);
    expect(answer.parameters).toMatchObject({ role: 'fallback', fallback_reason: 'features-unavailable' });
    expect(recorded().at(-1)).toMatchObject({ features: [null, null], entity: 'e1', output: [1, 0] });
  });

  it('gives the fallback to the one request for which the model’s answer is no number', async () => {
    await serving({ champion: [1, echoing()] });
    const answers = await Promise.all([infer(), infer({ inputs: [heights(NaN)] }), infer()]);
    expect(answers.map(({ parameters }) => parameters['fallback_reason'])).toEqual([
      undefined,
      'not-finite',
      undefined,
    ]);
    expect(world.runs).toEqual([3]);
    expect(recorded().map(({ version, features }) => [version, features[0]])).toEqual([
      [1, 0.25],
      [null, null],
      [1, 0.25],
    ]);
  });

  it('gives the fallback where the feature store is silent, and nobody else suffers for it', async () => {
    await serving({ champion: [1, echoing()] });
    world.storeIsSilent = true;
    const [one, hasty] = [byEntity, { ...byEntity, parameters: { entity: 'e1', timeout: 10_000 } }];
    const answers = await Promise.all(Array.from({ length: 40 }, () => infer(one)));
    expect(answers.map(({ parameters }) => parameters['fallback_reason'])).toEqual(
      answers.map(() => 'features-unavailable'),
    );
    expect((await infer()).version).toBe('1');
    await infer(hasty);
    expect(world.lookUps.map(({ deadlineAt }) => deadlineAt)).toEqual([NOW + 50, NOW + 10]);
  });

  it('tells the caller what looking up again would not change', async () => {
    await serving({ champion: [1, echoing()] });
    world.lookUpFails = new GyreError('VIEW_NOT_FOUND', 'no view "sea"');
    await expect(infer(byEntity)).rejects.toMatchObject({ code: 'VIEW_NOT_FOUND' });
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
    expect(world.runs).toEqual([]);
    expect((await infer({ parameters: { timeout: 60_000_000 } }, patient)).version).toBe('1');
    // How long a run takes is known now: longer than a microsecond.
    await expect(infer({ parameters: { timeout: 1 } })).rejects.toMatchObject(late);
    expect(world.runs).toEqual([1]);
    expect(recorded().map(({ version, failure }) => [version, failure?.code])).toEqual([
      [1, late.code],
      [1, undefined],
      [1, late.code],
    ]);
    await expect(infer({ parameters: { timeout: 'soon' } })).rejects.toThrow('expected microseconds');
  });

  it.each([
    ['are too late', 'DEADLINE_EXCEEDED', {}, { ...patient, deadlineAt: NOW - 5 }],
    ['look up what is not there', 'VIEW_NOT_FOUND', byEntity, patient],
    ['are refused a fallback', 'NOT_READY', {}, patient],
  ])('records those of a turn that %s with one write, before they are told', async (_, code, request, caller) => {
    const isRefused = code === 'NOT_READY';
    await serving(
      isRefused ? {} : { champion: [1, echoing()] },
      aSpec(isRefused ? { fallback: { refuse: true } } : {}),
    );
    world.lookUpFails = new GyreError('VIEW_NOT_FOUND', 'no view "sea"');
    const told = Array.from({ length: 20 }, () =>
      infer(request, caller).catch((error: GyreError) => [error.code, world.writes.length]),
    );
    expect(await Promise.all(told)).toEqual(told.map(() => [code, 1]));
    expect(recorded().map(({ failure }) => failure)).toEqual(told.map(() => ({ code, requests: 1 })));
  });

  it('recovers after a slow run: the next requests with a deadline are let in again and find out', async () => {
    await serving({ champion: [1, echoing()] });
    world.runTakesMs = 600;
    await infer();
    world.runTakesMs = 0;
    const hasty = (): Promise<unknown> => infer({ parameters: { timeout: 300_000 } });
    await expect(hasty()).rejects.toThrow(/takes at least \d+\.\d ms/);
    world.now += 2_000;
    await hasty();
    await hasty();
  });

  it('drops what nobody waits for any more, and answers the others of its turn', async () => {
    await serving({ champion: [1, echoing()] });
    const gone = expect(infer({}, { ...patient, cancelled: true })).rejects.toMatchObject({ code: 'CANCELLED' });
    await infer();
    await gone;
    expect(world.runs).toEqual([1]);
  });

  it('turns away what is over the limit or a client’s rate, and counts it in the log', async () => {
    await serving({ champion: [1, echoing()] });
    const all = await Promise.allSettled(Array.from({ length: 45 }, () => infer()));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(40);
    expect(all.at(-1)).toMatchObject({ reason: { code: 'OVERLOADED', details: { retryAfterMs: 100 } } });
    const greedy = Array.from({ length: 5 }, () => infer({}, { ...patient, client: 'greedy' }));
    const refused = (await Promise.allSettled(greedy)).filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'RATE_LIMITED' } }, { reason: { code: 'RATE_LIMITED' } }]);
    world.inference.countShed();
    expect(recorded().flatMap(({ failure }) => failure ?? [])).toEqual([
      { code: 'OVERLOADED', requests: 5 },
      { code: 'RATE_LIMITED', requests: 2 },
    ]);
    expect((await infer()).version).toBe('1');
  });

  it('answers nothing that could not be recorded', async () => {
    await serving({ champion: [1, echoing()] });
    world.logFails = new GyreError('OVERLOADED', 'full');
    await expect(infer()).rejects.toBe(world.logFails);
  });

  it('refuses what is too much, and takes more when that is through', async () => {
    await serving({ champion: [1, echoing()] });
    const many = (count: number): InferRequest['inputs'] => [heights(...new Array<number>(count).fill(0))];
    await expect(infer({ inputs: many(51) })).rejects.toThrow('the request has 51 rows; expected at most 50');
    const first = infer({ inputs: many(50) });
    await expect(infer({ inputs: many(11) })).rejects.toMatchObject({ code: 'OVERLOADED' });
    await first;
    expect((await infer({ inputs: many(11) })).outputs[0]?.shape).toEqual([11, 2]);
  });
});
