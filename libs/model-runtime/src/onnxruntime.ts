import { env, Tensor } from 'onnxruntime-node';
import { type Binding, binding, initOrt } from 'onnxruntime-node/dist/binding.js';
import type { TensorType } from './loaded-model.js';

/** The version of onnxruntime that models run on. */
export const runtimeVersion: string = env.versions.node ?? env.versions.common;

/**
 * onnxruntime's native session itself. The library's own `InferenceSession.run` is a `setImmediate` around this same blocking call,
 * which costs 3 µs and a turn of the loop; we batch by the turn, and so call it directly. The package's version is pinned for that.
 */
export type NativeSession = Binding.InferenceSession;

/** @throws Error in onnxruntime's words if the bytes are no model that it can run */
export function openSession(bytes: Uint8Array): NativeSession {
  initOrt();
  const session = new binding.InferenceSession();
  // One thread: the model is small, and the processors belong to the requests.
  const options = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential' as const,
    logSeverityLevel: 4 as const,
  };
  session.loadModel(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, options);
  return session;
}

/** By onnx.TensorProto.DataType. */
const TYPES: readonly (TensorType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
];

export function elementType(number: number): TensorType | undefined {
  return TYPES[number];
}

export { Tensor };
