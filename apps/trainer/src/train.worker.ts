import { parentPort } from 'node:worker_threads';
import { GyreError } from '@gyre/contracts';
import { rowsOf } from '@gyre/learning';
import { exportOnnx } from './export-onnx.js';
import { predictRows } from './measure.js';
import { trainCandidate } from './train.js';
import type { WorkerAnswer, WorkerRequest } from './training-pool.js';
import { onnxDifference } from './verify.js';

/** A thread that trains, exports and verifies one candidate at a time. It computes and nothing else, so it can be ended at any moment. */
parentPort?.on('message', ({ data, plan, metadata }: WorkerRequest) => {
  parentPort?.postMessage(answer());

  function answer(): WorkerAnswer {
    try {
      const { model, ...measured } = trainCandidate(data, plan);
      const onnx = exportOnnx(model, rowsOf(data, plan.final), metadata);
      const onnxDifferenceMax = onnxDifference(onnx, data, plan, predictRows(model, data, plan.holdout));
      return { ...measured, onnx, onnxDifferenceMax };
    } catch (error) {
      // What the learner or onnxruntime refuses is about the data or the settings; anything else is ours, and ends the thread.
      if (error instanceof RangeError || error instanceof GyreError) return { refused: error.message };
      throw error;
    }
  }
});
