import {
  ModelSpec,
  predictionId,
  routingHash,
  topics,
  type LifecycleOf,
  type ModelInForce,
  type Predicted,
} from '@gyre/contracts';
import { Logger } from '@gyre/hosting';
import { encodeOnnx } from '@gyre/model-runtime';
import type { Platform } from '@gyre/platform';
import { Admission } from './admission.js';

/** For specifications: a model `tides` that is served, and what the registry would say of it. */
export const FIELDS = ['height', 'wind'];

export function aSpec(over: Record<string, unknown> = {}): ModelInForce {
  const label = { name: 'flood', type: 'binary', classes: ['dry', 'wet'] };
  const spec = ModelSpec.parse({ kind: 'Model', name: 'tides', features: ['sea.*'], label, ...over });
  return { ...spec, inputs: FIELDS.map((field) => ({ view: 'sea', field })) };
}

/** A classifier of two features whose answer to anything is [1 − wet, wet]. */
export function answering(wet: number, width = FIELDS.length): Uint8Array {
  return encodeOnnx({
    name: 'constant',
    inputs: [{ name: 'features', type: 'float32', dims: ['N', width] }],
    outputs: [{ name: 'output', type: 'float32', dims: ['N', 2] }],
    nodes: [{ op: 'Gemm', inputs: ['features', 'weights', 'bias'], outputs: ['output'] }],
    constants: {
      weights: { type: 'float32', dims: [width, 2], values: new Float32Array(2 * width) },
      bias: { type: 'float32', dims: [2], values: [1 - wet, wet] },
    },
    opsets: { '': 13 },
    metadata: {},
  });
}

/** A classifier whose answer to a row is [1 − height, height]. */
export function echoing(): Uint8Array {
  return encodeOnnx({
    name: 'echo',
    inputs: [{ name: 'features', type: 'float32', dims: ['N', 2] }],
    outputs: [{ name: 'output', type: 'float32', dims: ['N', 2] }],
    nodes: [{ op: 'Gemm', inputs: ['features', 'weights', 'bias'], outputs: ['output'] }],
    constants: {
      weights: { type: 'float32', dims: [2, 2], values: [-1, 1, 0, 0] },
      bias: { type: 'float32', dims: [2], values: [1, 0] },
    },
    opsets: { '': 13 },
    metadata: {},
  });
}

const said = { model: 'tides', occurredAt: 0, actor: 'registry', reason: 'by the specification' };

export async function apply(platform: Platform, spec: ModelInForce = aSpec()): Promise<void> {
  await platform.append(topics.lifecycle, [{ ...said, type: 'ModelApplied', spec }]);
}

export interface Wanted {
  champion?: [version: number, onnx: Uint8Array | string];
  previous?: [version: number, onnx: Uint8Array | string];
  shadows?: [version: number, onnx: Uint8Array | string][];
  /** Canaries. */
  arms?: [version: number, onnx: Uint8Array | string, weight: number][];
  rollout?: string;
}

/** Says what serves from now on, and puts the artifacts in place; a string stands for an artifact's name as it is. */
export async function serve(
  platform: Platform,
  { champion, previous, shadows = [], arms = [], rollout }: Wanted,
): Promise<void> {
  const slot = async ([version, onnx]: [number, Uint8Array | string]): Promise<{ version: number; onnx: string }> => ({
    version,
    onnx: typeof onnx === 'string' ? onnx : await platform.artifacts.put(onnx),
  });
  const event: LifecycleOf<'ServingChanged'> = {
    ...said,
    type: 'ServingChanged',
    champion: champion === undefined ? null : await slot(champion),
    previous: previous === undefined ? null : await slot(previous),
    shadows: await Promise.all(shadows.map(slot)),
    arms: await Promise.all(
      arms.map(async ([version, onnx, weight]) => ({
        ...(await slot([version, onnx])),
        weight,
        role: 'canary' as const,
      })),
    ),
    rollout: rollout ?? null,
  };
  await platform.append(topics.lifecycle, [event]);
}

/** Keeps what is logged, for a specification to look at. */
export class KeptLog extends Logger {
  readonly lines: string[] = [];
  override debug(message: string): void {
    this.lines.push(message);
  }
  override info(message: string): void {
    this.lines.push(message);
  }
  override warn(message: string): void {
    this.lines.push(message);
  }
  override error(message: string): void {
    this.lines.push(message);
  }
  override child(): Logger {
    return this;
  }
}

/** Lets everybody in. */
export function anyNumber(): Admission {
  const rate = { perSecond: null, burst: 1, ofClients: {} };
  return new Admission({ rate, concurrency: { max: 1_000_000, min: 1, delayTargetMs: null } });
}

export function aPrediction(unique: string): Predicted {
  return {
    id: predictionId({ routing: routingHash('tides', unique), predictedAt: 0, unique }),
    model: 'tides',
    occurredAt: 0,
    request: null,
    entity: null,
    features: [1.5, null],
    seen: null,
    version: 1,
    fallback: null,
    output: [0.25, 0.75],
    rollout: null,
    shadows: [],
  };
}
