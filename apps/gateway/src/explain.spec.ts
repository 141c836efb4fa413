import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GyreError, type PastPredictions } from '@gyre/contracts';
import { EmbeddedPlatform } from '@gyre/platform';
import { OnnxModel } from '@gyre/model-runtime';
import { answering, apply, KeptLog, serve } from './a-model.js';
import { Admission } from './admission.js';
import { asking, heights } from './an-inference.js';
import { ANYBODY, type Caller } from './caller.js';
import { Explanations, type ExplanationsOptions } from './explain.js';
import { ExplainableModel } from './explaining.js';
import type { InferRequest } from './oip.js';
import { LastKnown } from './last-known.js';
import { ServingTable } from './serving.js';

describe('explanations', () => {
  let platform: EmbeddedPlatform;
  let table: ServingTable;
  let directory: string;
  let admission: Admission;
  let options: ExplanationsOptions;
  let explanations: Explanations;

  beforeEach(async () => {
    platform = EmbeddedPlatform.inMemory();
    directory = mkdtempSync(join(tmpdir(), 'gyre-explain-'));
    const log = new KeptLog();
    const lastKnown = LastKnown.open(directory, log);
    table = new ServingTable({ platform, log, load: (onnx) => OnnxModel.load(onnx), lastKnown });
    admission = new Admission({
      rate: { perSecond: null, burst: 2, ofClients: { greedy: 1 } },
      concurrency: { max: 10, min: 1, delayTargetMs: 20 },
    });
    await apply(platform);
    await serve(platform, { champion: [2, answering(0.2)], previous: [1, answering(0.1)] });
    await table.open();
    options = {
      table,
      admission,
      thread: { explain: async (_, file, task) => new ExplainableModel(await file()).explain(task) },
      features: null,
      past: { recent: () => Promise.resolve([]), find: () => Promise.resolve(null) } satisfies PastPredictions,
      limits: {
        maxSkewMs: 0,
        rowsMax: 10,
        evaluationsMax: 1_000,
        backgroundRowsMax: 10,
        deadlineMs: 60_000,
        featuresDeadlineMs: 1_000,
      },
      now: Date.now,
    };
    explanations = new Explanations(options);
  });
  afterEach(async () => {
    await table.close();
    await platform.close();
    rmSync(directory, { recursive: true });
  });
  const request = (over: Partial<InferRequest> = {}): InferRequest =>
    asking({ inputs: [heights(0.5), { ...heights(0.1), name: 'background' }], ...over });

  it('are of the version that the request names, by the protocol or by the parameter, else of the champion', async () => {
    const versionOf = async (over: Partial<InferRequest>): Promise<number> =>
      (await explanations.explain(request(over))).version;
    expect(await versionOf({})).toBe(2);
    expect(await versionOf({ version: '1' })).toBe(1);
    expect(await versionOf({ parameters: { gyre_version: 1 } })).toBe(1);
    await expect(versionOf({ version: '2', parameters: { gyre_version: 1 } })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
  });

  it('say of rows to compare with that they are meant, not the request’s own under the same name', async () => {
    const background = (...of: number[]): Partial<InferRequest> => ({
      inputs: [heights(0.5), { ...heights(...of), name: 'background' }],
    });
    await expect(explanations.explain(request(background()))).rejects.toThrow(
      'of the background: input "features" has shape [0, 2]; expected',
    );
    await expect(explanations.explain(request(background(...new Array<number>(11).fill(1))))).rejects.toThrow(
      'of the background: tides is compared with 11 rows; expected at most 10',
    );
  });

  it('need no platform for a version that serves here', async () => {
    platform.artifacts.get = () => Promise.reject(new GyreError('PLATFORM_UNAVAILABLE', 'away'));
    expect((await explanations.explain(request())).version).toBe(2);
  });

  it('count for their client, and are the first to go when a model has enough to do', async () => {
    const greedy: Caller = { ...ANYBODY, client: 'greedy' };
    for (let i = 0; i < 2; i++) await explanations.explain(request(), greedy);
    await expect(explanations.explain(request(), greedy)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(explanations.explainPast('any', greedy)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    for (let i = 0; i < 9; i++) admission.admit('tides', '');
    await expect(explanations.explain(request())).rejects.toMatchObject({ code: 'OVERLOADED' });
  });

  it('give the record of past predictions as long as they have themselves, and no longer', async () => {
    const untils: number[] = [];
    const silent = (deadlineAt: number): Promise<never> => {
      untils.push(deadlineAt);
      return new Promise<never>(() => undefined);
    };
    const withoutBackground = new GyreError('BACKGROUND_MISSING', 'by the specification');
    const late = { code: 'DEADLINE_EXCEEDED' };
    const hasty: Caller = { ...ANYBODY, deadlineAt: Date.now() + 50 };
    const waiting = new Explanations({
      ...options,
      thread: { explain: () => Promise.reject(withoutBackground) },
      past: { find: (_, until) => silent(until), recent: (_, __, until) => silent(until) },
    });
    await expect(waiting.explainPast('any', hasty)).rejects.toMatchObject(late);
    const byId = request({ parameters: { prediction_id: 'any' } });
    await expect(waiting.explain(byId, hasty)).rejects.toMatchObject(late);
    await expect(waiting.explain(request({ inputs: [heights(0.5)] }), hasty)).rejects.toMatchObject(late);
    expect(untils).toEqual(untils.map(() => hasty.deadlineAt));
    expect(untils).toHaveLength(3);
  });
});
