import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Candidate, GyreError, type ModelInForce, topics } from '@gyre/contracts';
import { type Dataset, rowsOf } from '@gyre/learning';
import { OnnxModel } from '@gyre/model-runtime';
import { type Artifacts, EmbeddedPlatform } from '@gyre/platform';
import { decodeManifest, encodeManifest } from './manifest.js';
import { SplitSettings } from './plan.js';
import { reproduce } from './reproduce.js';
import { TrainerConfig } from './trainer.config.js';
import { type TrainingFinished, trainingJob, type TrainingSetBuilt } from './training.job.js';
import { type PoolLimits, TrainingPool } from './training-pool.js';
import { built, modelOf, shuffled, twoClasses } from './training-set.fixture.js';
import { TrainingRowsReader } from './training-rows.js';

const WIDTH = 3;
const data = twoClasses({ rows: 1_200, width: WIDTH, seed: 1 });
const smallTrees = { trainers: ['linear', { kind: 'trees', rounds: 20 }] };

const pools: TrainingPool[] = [];
const newPool = (limits: Partial<PoolLimits> = {}): TrainingPool => {
  const pool = new TrainingPool({ threads: 1, heapMegabytes: 512, candidateSecondsMax: 60, ...limits });
  pools.push(pool);
  return pool;
};
const pool = newPool();
const reader = new TrainingRowsReader({ threads: 1, memoryMegabytes: 128 });
afterAll(() => Promise.all([...pools.map((each) => each.close()), reader.close()]));

/** One run on a platform of its own. */
async function run(
  set: Dataset,
  options: { model?: ModelInForce; change?: Partial<TrainingSetBuilt>; pool?: TrainingPool; windows?: number[] } = {},
) {
  const platform = EmbeddedPlatform.inMemory();
  const model = options.model ?? modelOf(WIDTH, smallTrees);
  const catalog = { model: (name: string) => (name === model.name ? model : undefined) };
  platform.work(
    trainingJob({
      artifacts: platform.artifacts,
      catalog,
      pool: options.pool ?? pool,
      reader,
      split: SplitSettings.parse({}),
    }),
  );
  await platform.append(topics.lifecycle, [
    { ...(await built(set, platform.artifacts, options.windows)), ...options.change },
  ]);
  await platform.settled();
  const finished: TrainingFinished[] = [];
  for await (const { event } of platform.read(topics.lifecycle))
    if (event.type === 'TrainingFinished') finished.push(event);
  await platform.close();
  expect(finished).toHaveLength(1);
  return { finished: finished[0] as TrainingFinished, artifacts: platform.artifacts };
}
const loss = (candidate: Candidate | undefined): number => candidate?.metrics['loss'] ?? NaN;
const baselineLoss = (candidate: Candidate | undefined): number => candidate?.baseline['loss'] ?? NaN;

describe('trainer', () => {
  it('answers a training set with every trainer on every window, best first, with files that are there', async () => {
    const { finished, artifacts } = await run(data);
    expect(finished).toMatchObject({
      run: 'run-1',
      trigger: 'drift',
      actor: 'trainer',
      failure: null,
      occurredAt: 1_000,
    });
    expect(finished.candidates.map((candidate) => candidate.name).sort()).toEqual([
      'linear on the newest 1000 rows',
      'linear on the newest 300 rows',
      'trees on the newest 1000 rows',
      'trees on the newest 300 rows',
    ]);
    const losses = finished.candidates.map(loss);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(finished.reason).toMatch(
      /^trained 4 of 4 challengers on 1200 rows; the best, .*, loses 0\.\d+ on the newest 150 rows, always answering the class shares 0\.69/,
    );
    for (const candidate of finished.candidates) {
      expect(candidate.onnxDifferenceMax).toBeLessThan(1e-5);
      expect(loss(candidate)).toBeLessThan(0.8 * baselineLoss(candidate));
      expect(decodeManifest(await artifacts.get(candidate.manifest)).onnx).toBe(candidate.onnx);
      const model = OnnxModel.load(await artifacts.get(candidate.onnx));
      expect(model.metadata).toMatchObject({
        'gyre.task': 'binary',
        'gyre.classes': '[0,1]',
        'gyre.features': expect.stringContaining('market.field2'),
      });
      model.dispose();
    }
    expect(finished.reference.map(({ feature }) => feature)).toEqual([
      'market.field0',
      'market.field1',
      'market.field2',
    ]);
    const [first] = finished.reference;
    expect(first?.missing).toBe(
      rowsOf(data, { from: 0, to: 1_200 }).features.filter((value, i) => i % WIDTH === 0 && Number.isNaN(value)).length,
    );
    expect(first?.counts.reduce((sum, count) => sum + count)).toBe(1_200 - (first?.missing ?? 0));
  });

  it('measures nothing better than chance when it is taught shuffled labels', async () => {
    const { finished } = await run(shuffled(twoClasses({ rows: 4_000, width: WIDTH, seed: 2 }), 3), {
      windows: [1_000, 4_000],
    });
    expect(finished.candidates).toHaveLength(4);
    // The registry lets pass what loses less than 98 % of the baseline.
    for (const candidate of finished.candidates)
      expect(loss(candidate)).toBeGreaterThan(0.98 * baselineLoss(candidate));
  });

  it('learns several classes and numbers too', async () => {
    const classes = {
      ...data,
      labels: data.labels.map((label, row) => label + Number((data.features[row * WIDTH + 2] ?? 0) > 2)),
    };
    const multiclass = await run(classes, {
      model: modelOf(WIDTH, { ...smallTrees, label: { name: 'class', type: 'multiclass', classes: 3 } }),
    });
    const numbers = {
      ...data,
      labels: data.labels.map((label, row) => 1_000 * label + (data.features[row * WIDTH + 2] || 0)),
    };
    const regression = await run(numbers, {
      model: modelOf(WIDTH, { ...smallTrees, label: { name: 'price', type: 'regression' } }),
    });
    for (const { finished } of [multiclass, regression]) {
      expect(finished.candidates).toHaveLength(4);
      expect(loss(finished.candidates[0])).toBeLessThan(0.7 * baselineLoss(finished.candidates[0]));
    }
    expect(regression.finished.candidates[0]?.metrics).toMatchObject({
      mae: expect.any(Number),
      rmse: expect.any(Number),
      r2: expect.any(Number),
    });
  });

  it('makes the same bytes again from a manifest, and tells when it does not', async () => {
    const { finished, artifacts } = await run(data, {
      model: modelOf(WIDTH, {
        trainers: ['linear', { kind: 'trees', rounds: 20, rowFraction: 0.7, featureFraction: 0.7 }],
      }),
    });
    const again = (manifest: string) => reproduce(manifest, { artifacts, reader, pool }, new AbortController().signal);
    for (const { manifest, onnx } of finished.candidates) {
      expect(await again(manifest)).toEqual({
        same: true,
        onnx: { registered: onnx, again: onnx },
        sameManifest: true,
        otherSoftware: [],
      });
    }
    const trees = finished.candidates.find(({ trainer }) => trainer === 'trees');
    const manifest = decodeManifest(await artifacts.get(trees?.manifest ?? ''));
    const otherSeed = encodeManifest({
      ...manifest,
      plan: { ...manifest.plan, seed: 8 },
      software: { ...manifest.software, node: 'v1.0.0' },
    });
    expect(await again(await artifacts.put(otherSeed))).toMatchObject({
      same: false,
      sameManifest: false,
      otherSoftware: [{ name: 'node', then: 'v1.0.0', now: process.version }],
    });
  });

  describe('says in words why nothing was trained', () => {
    const withInfinity = { ...data, features: data.features.map((value, i) => (i === 5 ? Infinity : value)) };
    const cases: [string, Dataset, Parameters<typeof run>[1], RegExp][] = [
      ['too few rows', twoClasses({ rows: 30, width: WIDTH, seed: 1 }), {}, /has 30 rows, fewer than the 50/],
      [
        'one class only',
        { ...data, labels: data.labels.map(() => 1) },
        {},
        /all 1050 labels before the holdout are of one class \(1\)/,
      ],
      [
        'rows that serving did not see so',
        data,
        { change: { parityMismatches: 3 } },
        /3 of 1200 rows differ from what serving saw/,
      ],
      ['a model that is not there', data, { change: { model: 'nobody' } }, /no model named "nobody"/],
      [
        'other features than the model has',
        data,
        { model: modelOf(4) },
        /columns prediction, .*, f2; the model's are .*, f3/,
      ],
      ['an infinite value', withInfinity, {}, /Row 1, feature 2 is infinite/],
      [
        'a label outside the classes',
        { ...data, labels: data.labels.map((label) => 2 * label) },
        {},
        /has the label 2/,
      ],
      ['a set that is gone', data, { change: { data: 'c'.repeat(64) } }, /c{64}/],
    ];
    it.each(cases)('%s', async (_, set, options, words) => {
      const { finished } = await run(set, options);
      expect(finished).toMatchObject({ candidates: [], reference: [], failure: expect.stringMatching(words) });
      expect(finished.reason).toBe(`nothing was trained: ${finished.failure}`);
    });

    it('no candidate in the time that there is', async () => {
      const { finished } = await run(data, { pool: newPool({ candidateSecondsMax: 0.001 }) });
      expect(finished.failure).toMatch(
        /^no candidate was fit to serve: linear on the newest 300 rows: training took longer than 0\.001 s; /,
      );
    });
  });

  it('drops a challenger whose ONNX file does not answer as its trainer does, with the number, and keeps the others', async () => {
    const honest = newPool();
    const train: TrainingPool['train'] = async (request, signal) => {
      const trained = await honest.train(request, signal);
      return request.plan.trainer.kind === 'trees' ? { ...trained, onnxDifferenceMax: 0.0002 } : trained;
    };
    const { finished } = await run(data, { pool: Object.assign(Object.create(honest) as TrainingPool, { train }) });
    expect(finished.candidates.map(({ trainer }) => trainer)).toEqual(['linear', 'linear']);
    expect(finished.reason).toMatch(
      /trained 2 of 4 .*dropped: trees on the newest 300 rows: ONNX and trainer differ by 0\.000200 on the holdout, more than 0\.00001; trees/,
    );
  });

  it('tries again what a dying thread spoils, and in the end says so, so that no run stays under way', async () => {
    const dying = {
      train: () => Promise.reject(new Error('the thread ended with code 134')),
    } as unknown as TrainingPool;
    const { finished } = await run(data, { pool: dying });
    expect(finished).toMatchObject({ candidates: [], failure: 'it failed 3 times: the thread ended with code 134' });
  });

  it.each([
    ['a full disk', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })],
    ['a store that is away', new GyreError('PLATFORM_UNAVAILABLE', 'MongoDB does not answer')],
  ])('gives up no run for %s, however often it is in the way', async (_, error) => {
    const { artifacts } = EmbeddedPlatform.inMemory();
    const event = await built(data, artifacts);
    let inTheWay = true;
    const hindered = <T>(work: () => Promise<T>) => (inTheWay ? Promise.reject(error) : work());
    const store: Artifacts = {
      get: (sha256) => hindered(() => artifacts.get(sha256)),
      put: (bytes) => artifacts.put(bytes),
    };
    let deaths = 1;
    const mortal = {
      train: (...work: Parameters<TrainingPool['train']>) =>
        deaths-- > 0 ? Promise.reject(new Error('the thread ended with code 134')) : pool.train(...work),
    } as TrainingPool;
    const model = modelOf(WIDTH, { trainers: ['linear'] });
    const split = SplitSettings.parse({});
    const job = trainingJob({ artifacts: store, catalog: { model: () => model }, pool: mortal, reader, split });
    const record = { topic: 'gyre.lifecycle', partition: 0, offset: 0, key: 'direction', appendedAt: 0, event };
    const perform = () =>
      job.perform([record], { partition: 0, state: undefined, signal: new AbortController().signal });
    for (let tries = 0; tries < 5; tries++) await expect(perform()).rejects.toBe(error);
    inTheWay = false;
    await expect(perform()).rejects.toThrow('the thread ended'); // the first try that counts
    expect((await perform()).publish?.[0]?.events).toMatchObject([{ run: 'run-1', failure: null }]);
  });

  it('ends its thread when it is told to stop, publishes nothing, and trains again afterwards', async () => {
    const { artifacts } = EmbeddedPlatform.inMemory();
    const stopping = new AbortController();
    const model = modelOf(WIDTH, {
      trainers: [{ kind: 'trees', rounds: 5_000, earlyStoppingRounds: 5_000 }, 'linear'],
    });
    const job = trainingJob({
      artifacts,
      catalog: { model: () => model },
      pool,
      reader,
      split: SplitSettings.parse({}),
    });
    const event = await built(data, artifacts);
    const record = { topic: 'gyre.lifecycle', partition: 0, offset: 0, key: 'direction', appendedAt: 0, event };
    const work = job.perform([record], { partition: 0, state: undefined, signal: stopping.signal });
    setTimeout(() => stopping.abort(new Error('stopping')), 100);
    await expect(work).rejects.toThrow('stopping');
    expect((await run(data)).finished.failure).toBeNull();
  });

  describe('killed on the way, it answers once, with the same files', () => {
    const child = fileURLToPath(new URL('./killed-run.fixture.js', import.meta.url));
    const trains = (dir: string, step: string) => promisify(execFile)(process.execPath, [child, dir, step]);
    it.each(['stored', 'job: performed', 'job: published', 'job: committed'])('at the step %s', async (step) => {
      const dir = mkdtempSync(join(tmpdir(), 'gyre-killed-'));
      try {
        const platform = EmbeddedPlatform.open({ dir, partitions: 1, tickEveryMs: null });
        await platform.append(topics.lifecycle, [await built(data, platform.artifacts)]);
        await platform.close();
        await expect(trains(dir, step)).rejects.toMatchObject({ signal: 'SIGKILL' });
        const { stdout } = await trains(dir, '');
        const answers = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as TrainingFinished);
        expect(answers).toHaveLength(1);
        expect(answers[0]?.candidates).toEqual((await run(data)).finished.candidates);
      } finally {
        rmSync(dir, { recursive: true });
      }
    });
  });

  it('takes its settings strictly', () => {
    expect(TrainerConfig.parse({})).toMatchObject({ threads: 1, split: { rowsMin: 50 } });
    expect(() => TrainerConfig.parse({ thread: 2 })).toThrow('thread');
  });
});
