import { parentPort } from 'node:worker_threads';
import { GyreError } from '@gyre/contracts';
import { ExplainableModel, type ExplainResult } from './explaining.js';
import type { ThreadAnswer, ThreadRequest } from './explain-thread.js';

/** The thread of an ExplainThread: holds a few models, explains what it is asked in order. */
const models = new Map<string, ExplainableModel>();

function explained({ onnx, bytes, forget, task }: ThreadRequest): ExplainResult {
  // First, whatever becomes of this request: the caller counts on it that the thread holds the one and not the other.
  if (forget !== null) {
    models.get(forget)?.dispose();
    models.delete(forget);
  }
  if (bytes !== null && !models.has(onnx)) models.set(onnx, new ExplainableModel(bytes));
  if (Date.now() > task.deadlineAt)
    throw new GyreError('DEADLINE_EXCEEDED', 'the explanation waited longer than its caller does');
  const model = models.get(onnx);
  if (model === undefined) throw new RangeError(`The thread was never given ${onnx}`);
  return model.explain(task);
}

parentPort?.on('message', (request: ThreadRequest) => {
  const { id } = request;
  try {
    parentPort?.postMessage({ id, result: explained(request) } satisfies ThreadAnswer);
  } catch (error) {
    const { message } = error as Error;
    const code = error instanceof GyreError ? error.code : null;
    parentPort?.postMessage({ id, result: null, failure: { code, message } } satisfies ThreadAnswer);
  }
});
