import { parentPort } from 'node:worker_threads';
import { exportOnnx } from './export-onnx.js';
import { predictRows } from './measure.js';
import { trainCandidate } from './train.js';
import type { WorkerAnswer, WorkerRequest } from './training-pool.js';

/** A thread that trains one candidate at a time. It computes and nothing else, so it can be ended at any moment. */
parentPort?.on('message', ({ data, plan, metadata }: WorkerRequest) => {
  parentPort?.postMessage(answer());

  function answer(): WorkerAnswer {
    try {
      const { model, ...measured } = trainCandidate(data, plan);
      return { ...measured, onnx: exportOnnx(model, metadata), expected: predictRows(model, data, plan.holdout) };
    } catch (error) {
      // What the learner refuses is about the data or the settings; anything else is ours, and ends the thread.
      if (error instanceof RangeError) return { refused: error.message };
      throw error;
    }
  }
});
