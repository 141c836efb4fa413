import { readFileSync } from 'node:fs';
import { encodeOnnx, ModelWorker, type LoadedModel } from './index.js';
import { sample } from './measured-run.js';
import type { ModelThread } from './model-thread.js';

const lightgbm = new Uint8Array(readFileSync(new URL('../testdata/models/elec2_lightgbm_100.onnx', import.meta.url)));
const UNBOUNDED = { runMsMax: Infinity, runBytesMax: Infinity };

describe('a model worker', () => {
  it('keeps slow models in its thread and gives the others to the loop; both answer alike, to the bit', async () => {
    const [small, large] = [
      new ModelWorker({ loopMicrosMax: 1e6, threadsMax: 4, ...UNBOUNDED }),
      new ModelWorker({ loopMicrosMax: 0, threadsMax: 4, ...UNBOUNDED }),
    ];
    try {
      const [onLoop, inWorker] = await Promise.all([small.load(lightgbm), large.load(lightgbm)]);
      expect([onLoop.runsOn, inWorker.runsOn]).toEqual(['loop', 'worker']);
      expect(onLoop.measured?.micros).toBeGreaterThan(0);
      const rows = sample(onLoop.inputs, [1, 2, 3]);
      expect(await inWorker.call(rows)).toEqual(onLoop.call(rows));
      const features = rows['input']?.data as Float32Array;
      expect(await inWorker.run(features, 3)).toEqual(onLoop.run(features, 3));
      await expect(inWorker.run(features, 4)).rejects.toMatchObject({ code: 'FEATURES_MISMATCHED' });
      inWorker.dispose();
      onLoop.dispose();
      await expect(large.load(new Uint8Array(3))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    } finally {
      await Promise.all([small.close(), large.close()]);
    }
  });

  describe('whose models stay in threads', () => {
    let worker: ModelWorker;
    afterEach(() => worker.close());
    const threads = (): ModelThread[] => [
      ...(worker as unknown as { threads: Map<ModelThread, unknown> }).threads.keys(),
    ];
    const row = new Float32Array(6);
    const eventually = async (what: () => boolean): Promise<void> => {
      for (let waited = 0; !what(); waited += 10) {
        if (waited > 20_000) throw new Error(`not so: ${what.toString()}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };

    it('gives each its own as long as there may be more, and those that are free to the next', async () => {
      worker = new ModelWorker({ loopMicrosMax: 0, threadsMax: 2, ...UNBOUNDED });
      const models = await Promise.all([lightgbm, lightgbm, lightgbm].map((bytes) => worker.load(bytes)));
      expect(threads()).toHaveLength(2);
      const answers = await Promise.all(models.map((model) => model.run(row, 1)));
      expect(answers[2]).toEqual(answers[0]);
      const [first, second] = models as [LoadedModel, LoadedModel];
      second.dispose();
      expect(threads()).toHaveLength(1);
      const next = await worker.load(lightgbm);
      expect(threads()).toHaveLength(2);
      expect(await next.run(row, 1)).toEqual(await first.run(row, 1));
    });

    it('loads them again where their thread has ended; until then their runs fail at once', async () => {
      worker = new ModelWorker({ loopMicrosMax: 0, threadsMax: 1, ...UNBOUNDED });
      let fetched = 0;
      const file = (): Promise<Uint8Array> => Promise.resolve(((fetched += 1), lightgbm));
      const models = [await worker.load(lightgbm, file), await worker.load(lightgbm, file)];
      const before = await models[0]?.run(row, 1);
      const given = models[0]?.problem;
      await threads()[0]?.end();
      expect([given, models[0]?.problem]).toEqual([null, expect.stringContaining('it is being loaded again')]);
      expect(() => models[0]?.run(row, 1)).toThrow('the thread that runs the model ended');
      await eventually(() => models.every(({ problem }) => problem === null));
      for (const model of models) expect(await model.run(row, 1)).toEqual(before);
      expect(fetched).toBe(2);
    });

    it('keeps those on no loop whose inputs have free dimensions beside the rows', async () => {
      worker = new ModelWorker({ loopMicrosMax: 1e6, threadsMax: 2, ...UNBOUNDED });
      const model = await worker.load(
        encodeOnnx({
          name: 'm',
          inputs: [{ name: 'x', type: 'float32', dims: ['N', 'L'] }],
          outputs: [{ name: 'y', type: 'float32', dims: ['N', 'L'] }],
          nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
          constants: {},
          opsets: { '': 13 },
          metadata: {},
        }),
      );
      expect(model.runsOn).toBe('worker');
    });

    it('moves one off the loop whose runs prove slow', async () => {
      worker = new ModelWorker({ loopMicrosMax: 1e6, threadsMax: 2, ...UNBOUNDED });
      const model = await worker.load(lightgbm);
      expect(model.runsOn).toBe('loop');
      const before = await model.run(row, 1);
      const many = new Float32Array(6 * 60_000);
      await eventually(() => (void model.run(many, 60_000), model.runsOn === 'worker'));
      expect(await model.run(row, 1)).toEqual(before);
    });
  });
});
