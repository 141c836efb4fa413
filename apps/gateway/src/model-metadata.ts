import { outputMetadata } from './answer.js';
import { MATRIX } from './feature-rows.js';
import type { ModelMetadata } from './oip.js';
import { chosenVersion, versionsOf, type Serving } from './serving.js';

/** What a client is told of a model. @throws GyreError VERSION_NOT_FOUND */
export function metadataOf(serving: Serving, version: string): ModelMetadata {
  const { spec } = chosenVersion(serving, version) ?? serving;
  return {
    name: spec.name,
    versions: [...versionsOf(serving)].map((one) => String(one.version)),
    platform: 'onnxruntime_onnx',
    inputs: [{ name: MATRIX, datatype: 'FP32', shape: [-1, spec.inputs.length] }],
    outputs: outputMetadata(spec.label),
  };
}

/** Whether a version answers, or this one is loaded. Until then the fallback does. */
export function isReady(serving: Serving, version: string): boolean {
  return version === ''
    ? serving.answering !== null
    : [...versionsOf(serving)].some((one) => String(one.version) === version);
}

export const SERVER = { name: 'gyre', version: '0.1.0', extensions: [] as string[] };
