import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EmbeddedPlatform, LatePlatform, type Platform } from '@gyre/platform';
import { OnnxModel, type LoadedModel } from '@gyre/model-runtime';
import { answering, apply, aSpec, KeptLog, serve } from './a-model.js';
import { LastKnown } from './last-known.js';
import { chosenVersion, ServingTable } from './serving.js';

describe('what serves', () => {
  let platform: EmbeddedPlatform;
  let log: KeptLog;
  let loads: number;
  let freed: number;
  let notLoaded: number;
  const tables: ServingTable[] = [];

  beforeEach(() => {
    platform = EmbeddedPlatform.inMemory();
    log = new KeptLog();
    loads = freed = notLoaded = 0;
  });
  afterEach(async () => {
    for (const table of tables.splice(0)) await table.close();
    await platform.close();
  });

  const load = (onnx: Uint8Array): LoadedModel => {
    loads += 1;
    const model = OnnxModel.load(onnx);
    const dispose = model.dispose.bind(model);
    model.dispose = () => {
      freed += 1;
      dispose();
    };
    return model;
  };
  const aTable = async (): Promise<ServingTable> => {
    const table = new ServingTable({ platform, load, log, notLoaded: () => (notLoaded += 1) });
    tables.push(table);
    await table.open();
    return table;
  };
  const wet = async (table: ServingTable): Promise<number> => {
    const output = await table.serving('tides').answering?.run(new Float32Array(2), 1);
    return output?.[1] ?? NaN;
  };

  it('is nothing but the fallback before the first version', async () => {
    await apply(platform);
    const table = await aTable();
    expect(table.serving('tides')).toMatchObject({ answering: null, degraded: 'no-version' });
    expect(() => table.serving('tide')).toThrow('no model named "tide"; there are: tides');
  });

  it('names some of the models there are where there are very many', async () => {
    for (let i = 0; i < 300; i++) await apply(platform, aSpec({ name: `tides-${i}` }));
    const table = await aTable();
    expect(() => table.serving('tide')).toThrow(/^no model named "tide"; there are 300: tides-0, .*, tides-19, …$/);
  });

  it('changes at once, and the old version is freed when its last request is through', async () => {
    await apply(platform);
    const table = await aTable();
    await serve(platform, { champion: [1, answering(0.1)] });
    await table.caughtUp();
    expect(await wet(table)).toBeCloseTo(0.1);
    const old = table.serving('tides').answering;
    old?.hold();
    await serve(platform, { champion: [2, answering(0.2)] });
    await table.caughtUp();
    expect(await wet(table)).toBeCloseTo(0.2);
    expect(freed).toBe(0);
    expect((await old?.run(new Float32Array(2), 1))?.[1]).toBeCloseTo(0.1);
    old?.release();
    expect(freed).toBe(1);
  });

  it('keeps champion, previous and shadows, loads none of them twice, and frees the others', async () => {
    await apply(platform);
    const table = await aTable();
    await serve(platform, {
      champion: [1, answering(0.1)],
      shadows: [
        [2, answering(0.2)],
        [3, answering(0.3)],
      ],
      rollout: 'r',
    });
    await serve(platform, {
      champion: [2, answering(0.2)],
      previous: [1, answering(0.1)],
      shadows: [[1, answering(0.1)]],
    });
    await table.caughtUp();
    const serving = table.serving('tides');
    expect(serving.answering?.version).toBe(2);
    expect(serving.shadows.map((shadow) => shadow.version)).toEqual([1]);
    expect([loads, freed]).toEqual([3, 1]);
    expect(chosenVersion(serving, '1')).toBe(serving.previous);
    expect(() => chosenVersion(serving, '3')).toThrow('version "3" of tides is not loaded; there are: 2, 1');
  });

  it.each([
    ['is missing', 'f'.repeat(64)],
    ['is no model', new Uint8Array([1, 2, 3])],
    ['takes another number of features', answering(0.5, 3)],
  ])('goes on with the old version when the new one %s', async (_, onnx) => {
    await apply(platform);
    const table = await aTable();
    await serve(platform, { champion: [1, answering(0.1)] });
    await serve(platform, { champion: [2, onnx] });
    await table.caughtUp();
    expect(table.serving('tides')).toMatchObject({ degraded: 'champion-not-loaded' });
    expect(await wet(table)).toBeCloseTo(0.1);
    expect(log.lines).toContain('a version cannot be loaded');
    expect(notLoaded).toBe(1);
    await serve(platform, { champion: [3, answering(0.3)] });
    await table.caughtUp();
    expect(table.serving('tides').degraded).toBeNull();
    expect(await wet(table)).toBeCloseTo(0.3);
  });

  it('takes the previous version at a start when the champion cannot be loaded', async () => {
    await apply(platform);
    await serve(platform, { champion: [2, 'f'.repeat(64)], previous: [1, answering(0.1)] });
    const table = new ServingTable({ platform, load, log });
    tables.push(table);
    const opening = table.open();
    expect(table.missing()).toMatch(/being loaded/);
    await opening;
    expect(table.missing()).toBeNull();
    expect(table.degraded()).toBe('the champion could not be loaded, an older version answers: tides');
    expect(table.serving('tides')).toMatchObject({ degraded: 'champion-not-loaded' });
    expect(await wet(table)).toBeCloseTo(0.1);
  });

  it('says which shadows and canaries it lacks, and loads them as soon as they can be had', async () => {
    await apply(platform);
    const later = answering(0.3);
    const name = createHash('sha256').update(later).digest('hex');
    const invalid = new Uint8Array([1, 2, 3]);
    await serve(platform, { champion: [1, answering(0.1)], shadows: [[2, invalid]], arms: [[3, name, 0.5]] });
    const table = await aTable();
    expect(table.degraded()).toBe('could not be loaded: shadow 2 of tides, canary 3 of tides');
    let isLoaded = false;
    const loading = table.loaded().then(() => (isLoaded = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isLoaded).toBe(false);
    await platform.artifacts.put(later);
    await loading;
    expect(table.serving('tides').arms[0]?.version.version).toBe(3);
    expect(table.degraded()).toBe('could not be loaded: shadow 2 of tides');
    // What is no model is not loaded twice.
    expect(log.lines.filter((line) => line === 'a version cannot be loaded').length).toBe(notLoaded);
    expect(loads).toBe(3);
    await serve(platform, { champion: [1, answering(0.1)] });
    await table.caughtUp();
    expect(table.degraded()).toBeNull();
  });

  it('is not ready where no version at all could be loaded', async () => {
    await apply(platform);
    await serve(platform, { champion: [1, 'f'.repeat(64)] });
    const table = await aTable();
    expect(table.missing()).toBe('no version could be loaded: tides');
    expect(table.degraded()).toBeNull();
  });

  describe('at a start without the platform', () => {
    let directory: string;
    beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'gyre-last-known-'))));
    afterEach(async () => {
      // What they keep there is written behind.
      for (const table of tables.splice(0)) await table.close();
      rmSync(directory, { recursive: true, force: true });
    });

    const keeping = async (on: Platform): Promise<ServingTable> => {
      const table = new ServingTable({ platform: on, load, log, lastKnown: LastKnown.open(directory, log) });
      tables.push(table);
      await table.open();
      return table;
    };
    /** A platform that is away until it is told to come. */
    const away = (): { late: LatePlatform; comes: () => void } => {
      const { promise, resolve } = Promise.withResolvers<Platform>();
      const failed = (): void => undefined;
      const late = new LatePlatform({ partitions: 1, live: true, recipe: null, open: () => promise, failed });
      return { late, comes: () => resolve(platform) };
    };
    const served = async (): Promise<void> => {
      await apply(platform);
      await serve(platform, { champion: [2, answering(0.2)], previous: [1, answering(0.1)] });
      await (await keeping(platform)).close();
    };
    const artifact = (): string => createHash('sha256').update(answering(0.2)).digest('hex');

    it('is what this gateway last knew, marked, until the platform has said what serves now', async () => {
      await served();
      await serve(platform, { champion: [3, answering(0.3)] });
      const { late, comes } = away();
      const table = await keeping(late);
      expect(await wet(table)).toBeCloseTo(0.2);
      expect(table.serving('tides')).toMatchObject({ lastKnown: true, degraded: null });
      expect([table.missing(), table.degraded()]).toEqual([null, expect.stringContaining('last knew')]);
      comes();
      while (table.degraded() !== null) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await wet(table)).toBeCloseTo(0.3);
      expect(table.serving('tides').lastKnown).toBeUndefined();
    });

    it('takes no version whose bytes are not what they were, but the one before it', async () => {
      await served();
      writeFileSync(join(directory, artifact()), answering(0.9));
      const { late } = away();
      const table = await keeping(late);
      expect(await wet(table)).toBeCloseTo(0.1);
      expect(table.serving('tides')).toMatchObject({ degraded: 'champion-not-loaded', lastKnown: true });
    });

    it('takes no table that was changed, and waits for the platform', async () => {
      await served();
      const file = join(directory, 'serving.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"version":2', '"version":7'));
      const { late, comes } = away();
      const opening = keeping(late);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(tables.at(-1)?.missing()).toMatch(/being loaded/);
      comes();
      expect((await opening).serving('tides').answering?.version).toBe(2);
    });
  });

  it('is what served last after a restart, and history is not loaded', async () => {
    await apply(platform);
    for (let version = 1; version <= 5; version++)
      await serve(platform, { champion: [version, answering(version / 10)] });
    const table = await aTable();
    expect(await wet(table)).toBeCloseTo(0.5);
    expect(loads).toBe(1);
  });

  it('feeds a version the inputs that it was loaded for, whatever is applied later', async () => {
    await apply(platform);
    await serve(platform, { champion: [1, answering(0.1)] });
    await apply(platform, { ...aSpec(), inputs: [{ view: 'sea', field: 'moon' }] });
    const table = await aTable();
    const { answering: champion, spec } = table.serving('tides');
    expect(spec.inputs).toHaveLength(1);
    expect(champion?.spec.inputs).toHaveLength(2);
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux(
    'is swapped a thousand times under load without an answer missing, and holds no more memory or handles for it',
    async () => {
      const program = fileURLToPath(new URL('./swaps.child.js', import.meta.url));
      // A young generation that grows when it likes would be taken for a leak.
      const steady = ['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'];
      const { stdout } = await promisify(execFile)(process.execPath, [...steady, program, '1000']);
      const said = JSON.parse(stdout) as {
        holds: { megabytes: number; handles: number }[];
        answers: number;
        failures: number;
      };
      const [first, last] = [said.holds[0], said.holds.at(-1)];
      expect(said.failures).toBe(0);
      expect(said.answers).toBeGreaterThan(1_000);
      expect(last?.handles).toBeLessThanOrEqual(first?.handles ?? 0);
      expect(last?.megabytes).toBeLessThan(1.05 * (first?.megabytes ?? 0));
    },
  );
});
