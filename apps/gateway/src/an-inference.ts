import type { OnlineRequest, OnlineRow, Predicted } from '@gyre/contracts';
import { Metrics } from '@gyre/hosting';
import { OnnxModel } from '@gyre/model-runtime';
import { EmbeddedPlatform } from '@gyre/platform';
import { apply, aSpec, KeptLog, serve, type Wanted } from './a-model.js';
import { Admission } from './admission.js';
import type { Caller } from './caller.js';
import { GatewayMetrics } from './gateway.metrics.js';
import { Inference } from './infer.js';
import type { InferAnswer, InferRequest, Tensor } from './oip.js';
import type { PredictionLog } from './prediction-log.js';
import { ServingTable } from './serving.js';

export const NOW = Date.parse('2026-11-22T14:05:00Z');

/** What a specification sees of the model, the log and the feature store around an inference, and which of them it lets fail. */
export interface World {
  inference: Inference;
  /** The rows of each run of a model. */
  runs: number[];
  /** One entry for each write. */
  writes: Predicted[][];
  logFails: Error | null;
  /** The scores of shadows, by the row of what was recorded. */
  shadowed: Parameters<PredictionLog['shadows']>[0][number][];
  runFails: boolean;
  runTakesMs: number;
  /** What every second model that is loaded, the first shadow, answers; null: what it says itself. */
  shadowAnswers: Promise<Float32Array> | null;
  /** UTC milliseconds. */
  now: number;
  lookUps: OnlineRequest[];
  lookUpFails: Error | null;
  storeIsSilent: boolean;
}

export interface AnInference {
  world: World;
  serving(wanted: Wanted, spec?: ReturnType<typeof aSpec>): Promise<void>;
  infer(over?: Partial<InferRequest>, caller?: Caller): Promise<InferAnswer>;
  recorded(): Predicted[];
}

/** Sets up, before each test of the suite it is called in, a gateway's inference over a model `tides`, with at most 50 rows a request, 60 in flight, batches of 8. @param maxQueueDelayMicros how long requests wait for others */
export function anInference({ maxQueueDelayMicros = 0 } = {}): AnInference {
  const world = {} as World;
  let platform: EmbeddedPlatform;
  let table: ServingTable;
  const metrics = new GatewayMetrics(new Metrics(), new KeptLog());
  const recorded = (): Predicted[] => world.writes.flat();

  beforeEach(async () => {
    platform = EmbeddedPlatform.inMemory();
    loaded = 0;
    Object.assign(world, { runs: [], writes: [], lookUps: [], shadowed: [] });
    Object.assign(world, {
      logFails: null,
      lookUpFails: null,
      storeIsSilent: false,
      runFails: false,
      runTakesMs: 0,
      shadowAnswers: null,
      now: NOW,
    });
    table = new ServingTable({ platform, log: new KeptLog(), load: watched });
    const append = (events: readonly Predicted[]): number => {
      if (world.logFails !== null) throw world.logFails;
      const first = recorded().length;
      world.writes.push([...events]);
      return first;
    };
    const limits = {
      maxSkewMs: 300_000,
      rowsMax: 50,
      maxBatchSize: 8,
      maxQueueDelayMicros,
      rowsInFlightMax: 60,
      shadowRowsMax: 40,
      featuresDeadlineMs: 50,
    };
    const concurrency = { max: 40, min: 1, delayTargetMs: null };
    const admission = new Admission({ rate: { perSecond: null, burst: 3, ofClients: { greedy: 1 } }, concurrency });
    const shadows: PredictionLog['shadows'] = (scored) => world.shadowed.push(...scored);
    const log = { append, shadows };
    world.inference = new Inference({
      table,
      log,
      features: { get },
      metrics,
      admission,
      limits,
      now: () => world.now,
    });
  });
  afterEach(async () => {
    await table.close();
    await platform.close();
  });

  let loaded = 0;
  function watched(onnx: Uint8Array): OnnxModel {
    const isShadow = ++loaded % 2 === 0;
    const model = OnnxModel.load(onnx);
    const run = model.run.bind(model);
    model.run = (features, rows) => {
      if (world.runFails) throw new Error('out of memory');
      world.runs.push(rows);
      for (const began = performance.now(); performance.now() - began < world.runTakesMs;);
      if (isShadow && world.shadowAnswers !== null) return world.shadowAnswers as unknown as Float32Array;
      return run(features, rows);
    };
    return model;
  }
  async function get(request: OnlineRequest): Promise<OnlineRow[]> {
    world.lookUps.push(request);
    if (world.lookUpFails !== null) throw world.lookUpFails;
    if (world.storeIsSilent) await new Promise(() => undefined);
    return request.entities.map((entity) => ({
      entity,
      values: [Number(entity.slice(1)) / 100, 5],
      status: ['present', entity === 'e1' ? 'outOfRange' : 'present'],
      ageMs: [Number(entity.slice(1)), 3],
      seen: { sea: 7 },
    }));
  }
  return {
    world,
    recorded,
    async serving(wanted, spec = aSpec()) {
      await apply(platform, spec);
      await serve(platform, wanted);
      await table.open();
      world.runs = [];
    },
    infer: (over = {}, caller) => world.inference.infer(() => asking({ inputs: [heights(0.25)], ...over }), caller),
  };
}

/** The input of a request with a row for each height, and no wind. */
export function heights(...of: number[]): Tensor {
  const values = of.flatMap((height) => [height, 0]);
  return { name: 'features', datatype: 'FP32', shape: [of.length, 2], values };
}

/** A request of the model `tides`. */
export function asking(over: Partial<InferRequest> = {}): InferRequest {
  return { model: 'tides', version: '', id: '', parameters: {}, inputs: [], outputs: [], raw: false, ...over };
}

/** The values of one output of an answer. */
export function output({ outputs }: InferAnswer, name: string): unknown[] {
  return Array.from((outputs.find((o) => o.name === name) as Tensor).values as unknown[]);
}

/** Some turns of the loop. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}
