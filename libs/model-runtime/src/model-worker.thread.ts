import { parentPort } from 'node:worker_threads';
import { GyreError } from '@gyre/contracts';
import { measureRun } from './measured-run.js';
import type { ModelAnswer, ModelRequest } from './model-thread.js';
import { OnnxModel } from './onnx-model.js';

/** A ModelThread: holds models, runs what it is asked in order. */
const models = new Map<number, OnnxModel>();

function answer(request: ModelRequest): ModelAnswer['value'] {
  switch (request.ask) {
    case 'load': {
      const model = OnnxModel.load(request.bytes);
      models.set(request.model, model);
      const { inputs, optionalInputs, outputs, classes, metadata, width, scoreName } = model;
      model.measured = measureRun(model);
      return { inputs, optionalInputs, outputs, classes, metadata, width, scoreName, run: model.measured };
    }
    case 'run':
      return modelOf(request.model).run(request.features, request.rows);
    case 'call':
      return modelOf(request.model).call(request.inputs, request.outputs);
    case 'dispose':
      models.get(request.model)?.dispose();
      models.delete(request.model);
      return null;
  }
}

function modelOf(id: number): OnnxModel {
  const model = models.get(id);
  if (model === undefined) throw new RangeError('This model has been disposed of');
  return model;
}

parentPort?.on('message', (request: ModelRequest) => {
  try {
    parentPort?.postMessage({ id: request.id, value: answer(request) } satisfies ModelAnswer);
  } catch (error) {
    const { message } = error as Error;
    const code = error instanceof GyreError ? error.code : null;
    parentPort?.postMessage({ id: request.id, value: null, failure: { code, message } } satisfies ModelAnswer);
  }
});
