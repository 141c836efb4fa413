import { readFileSync } from 'node:fs';
import { GyreError } from '@gyre/contracts';
import { measureRun } from './measured-run.js';
import { OnnxModel } from './onnx-model.js';
import type { TrialAnswer } from './onnx-trial.js';
import { endWithParent } from './orphan-watch.js';

/** A process of its own: loads the model that comes on standard input, runs it on samples, tells what it saw, and ends. */
function tried(): TrialAnswer {
  try {
    const model = OnnxModel.load(new Uint8Array(readFileSync(0)));
    const { inputs, outputs, classes, metadata } = model;
    return { report: { inputs, outputs, classes, metadata, run: measureRun(model) } };
  } catch (error) {
    const { message } = error as Error;
    return { problem: error instanceof GyreError ? message : `onnxruntime cannot run the model: ${message}` };
  }
}

endWithParent();
process.send?.(tried(), () => process.exit(0));
