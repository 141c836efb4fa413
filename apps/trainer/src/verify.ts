import type { Dataset } from '@gyre/learning';
import { OnnxModel } from '@gyre/model-runtime';
import type { CandidatePlan } from './plan.js';

/** Rows at a time. */
const BATCH_ROWS = 256;

/**
 * The largest difference between what an ONNX file answers and what its trainer says, over every holdout row: of a probability, or of a
 * value of magnitude at most 1, else in units of that magnitude, for float32 has 7 digits wherever the point is.
 *
 * Takes milliseconds a thousand rows: for a training thread.
 *
 * @param expected float64 of shape [holdout rows, classes]
 * @throws GyreError MODEL_INVALID if onnxruntime does not take the file
 */
export function onnxDifference(onnx: Uint8Array, data: Dataset, plan: CandidatePlan, expected: Float64Array): number {
  const { holdout, classes } = plan;
  const model = OnnxModel.load(onnx);
  try {
    let largest = 0;
    for (let from = holdout.from; from < holdout.to; from += BATCH_ROWS) {
      const to = Math.min(holdout.to, from + BATCH_ROWS);
      // onnxruntime takes no shared memory.
      const answer = model.run(data.features.slice(from * data.width, to * data.width), to - from);
      const start = (from - holdout.from) * classes;
      if (answer.length !== (to - from) * classes)
        throw new RangeError(`${to - from} rows of ${classes} columns, and ${answer.length} values came`);
      for (let i = 0; i < answer.length; i++) {
        const right = expected[start + i]!;
        const difference = Math.abs(answer[i]! - right) / Math.max(1, Math.abs(right));
        // A NaN on either side is the largest difference of all.
        if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
      }
    }
    return largest;
  } finally {
    model.dispose();
  }
}
