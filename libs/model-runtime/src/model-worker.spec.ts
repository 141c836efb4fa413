import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { looping } from './endless.fixture.js';
import { encodeOnnx, ModelWorker, type LoadedModel } from './index.js';
import { sample } from './measured-run.js';
import { ModelProcess, RunEnded } from './model-process.js';

const lightgbm = new Uint8Array(readFileSync(new URL('../testdata/models/elec2_lightgbm_100.onnx', import.meta.url)));
const UNBOUNDED = { runMsMax: Infinity, bytesMax: Infinity };

describe('a model worker', () => {
  it('keeps slow models in its process and gives the others to the loop; both answer alike, to the bit', async () => {
    const [small, large] = [
      new ModelWorker({ loopMicrosMax: 1e6, processesMax: 4, ...UNBOUNDED }),
      new ModelWorker({ loopMicrosMax: 0, processesMax: 4, ...UNBOUNDED }),
    ];
    try {
      const [onLoop, inProcess] = await Promise.all([small.load(lightgbm), large.load(lightgbm)]);
      expect([onLoop.runsOn, inProcess.runsOn]).toEqual(['loop', 'process']);
      expect(onLoop.measured?.micros).toBeGreaterThan(0);
      const rows = sample(onLoop.inputs, [1, 2, 3]);
      expect(await inProcess.call(rows)).toEqual(onLoop.call(rows));
      const features = rows['input']?.data as Float32Array;
      expect(await inProcess.run(features, 3)).toEqual(onLoop.run(features, 3));
      await expect(inProcess.run(features, 4)).rejects.toMatchObject({ code: 'FEATURES_MISMATCHED' });
      inProcess.dispose();
      onLoop.dispose();
      await expect(large.load(new Uint8Array(3))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    } finally {
      await Promise.all([small.close(), large.close()]);
    }
  });

  describe('whose models stay in processes', () => {
    let worker: ModelWorker;
    afterEach(() => worker.close());
    const processes = (): ModelProcess[] => [
      ...(worker as unknown as { processes: Map<ModelProcess, unknown> }).processes.keys(),
    ];
    const row = new Float32Array(6);
    const eventually = async (what: () => boolean): Promise<void> => {
      for (let waited = 0; !what(); waited += 10) {
        if (waited > 20_000) throw new Error(`not so: ${what.toString()}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };

    it('gives each its own as long as there may be more, and those that are free to the next', async () => {
      worker = new ModelWorker({ loopMicrosMax: 0, processesMax: 2, ...UNBOUNDED });
      const models = await Promise.all([lightgbm, lightgbm, lightgbm].map((bytes) => worker.load(bytes)));
      expect(processes()).toHaveLength(2);
      const answers = await Promise.all(models.map((model) => model.run(row, 1)));
      expect(answers[2]).toEqual(answers[0]);
      const [first, second] = models as [LoadedModel, LoadedModel];
      second.dispose();
      expect(processes()).toHaveLength(1);
      const next = await worker.load(lightgbm);
      expect(processes()).toHaveLength(2);
      expect(await next.run(row, 1)).toEqual(await first.run(row, 1));
    });

    it('loads them again where their process has ended; until then their runs fail at once', async () => {
      worker = new ModelWorker({ loopMicrosMax: 0, processesMax: 1, ...UNBOUNDED });
      let fetched = 0;
      const file = (): Promise<Uint8Array> => Promise.resolve(((fetched += 1), lightgbm));
      const models = [await worker.load(lightgbm, file), await worker.load(lightgbm, file)];
      const before = await models[0]?.run(row, 1);
      const given = models[0]?.problem;
      await processes()[0]?.end();
      expect([given, models[0]?.problem]).toEqual([null, expect.stringContaining('it is being loaded again')]);
      expect(() => models[0]?.run(row, 1)).toThrow('the process that runs the model ended');
      await eventually(() => models.every(({ problem }) => problem === null));
      for (const model of models) expect(await model.run(row, 1)).toEqual(before);
      expect(fetched).toBe(2);
    });

    it('keeps those on no loop whose inputs have free dimensions beside the rows', async () => {
      worker = new ModelWorker({ loopMicrosMax: 1e6, processesMax: 2, ...UNBOUNDED });
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
      expect(model.runsOn).toBe('process');
    });

    it('moves one off the loop whose runs prove slow', async () => {
      worker = new ModelWorker({ loopMicrosMax: 1_000, processesMax: 2, ...UNBOUNDED });
      const model = await worker.load(lightgbm);
      expect(model.runsOn).toBe('loop');
      const before = await model.run(row, 1);
      const many = new Float32Array(6 * 60_000);
      await eventually(() => (void model.run(many, 60_000), model.runsOn === 'process'));
      expect(await model.run(row, 1)).toEqual(before);
    });
  });

  it('can be closed by whom nothing else keeps alive', async () => {
    const index = new URL('./index.js', import.meta.url).href;
    const model = new URL('../testdata/models/elec2_lightgbm_100.onnx', import.meta.url).pathname;
    const code = `import { readFileSync } from 'node:fs';
      import { ModelWorker } from ${JSON.stringify(index)};
      const worker = new ModelWorker({ loopMicrosMax: 0, processesMax: 1, runMsMax: 1e4, bytesMax: 2 ** 31 });
      const model = await worker.load(new Uint8Array(readFileSync(${JSON.stringify(model)})));
      await model.run(new Float32Array(6), 1);
      await worker.close();
      console.log('closed');`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code]);
    expect(stdout).toBe('closed\n');
  });
});

describe('a process of models', () => {
  const limits = { loadMsMax: 60_000, runMsMax: 10_000, bytesMax: 2 ** 31 };
  const load = { ask: 'load', model: 1, bytes: looping() } as const;
  const run = (times: number) => {
    const x = { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(times)) } as const;
    const v = { type: 'float32', dims: [1], data: Float32Array.of(1) } as const;
    return { ask: 'call', model: 1, inputs: { x, v }, outputs: ['y'] } as const;
  };

  it('begins no run whose deadline has passed while it waited, and is not ended for it', async () => {
    const host = new ModelProcess(limits, () => undefined);
    await host.ask(load);
    const long = host.ask(run(2e6));
    const late = host.ask(run(1), { withinMs: 1, sizedBy: 'Loop' });
    const after = host.ask(run(1));
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(Promise.all([long, after])).resolves.toHaveLength(2);
    await host.end();
  });

  it('blames the run under way for its end, and no other', async () => {
    const told: Error[] = [];
    const host = new ModelProcess({ ...limits, runMsMax: 100 }, (why) => told.push(why));
    await host.ask(load);
    const [long, next] = [host.ask(run(1e15)), host.ask(run(1))];
    await expect(long).rejects.toMatchObject({ code: 'RUN_TOO_LARGE' });
    await expect(next).rejects.toThrow(RunEnded);
    await expect(host.ask(run(1))).rejects.toThrow(RunEnded);
    expect(told).toEqual([expect.any(RunEnded)]);
    await host.end();
  });

  it('says of a model that is too much to load that it cannot be served', async () => {
    const host = new ModelProcess({ ...limits, loadMsMax: 300 }, () => undefined);
    await expect(host.ask({ ...load, bytes: looping(2 ** 60) })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: 'it takes more than 0.3 s to load and run once',
    });
    await host.end();
  });
});
