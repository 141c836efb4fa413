import { GyreError } from '@gyre/contracts';
import { measureRun } from './measured-run.js';
import type { Described, ModelAnswer, ModelRequest, Values } from './model-messages.js';
import { OnnxModel } from './onnx-model.js';

/** The models of a ModelProcess, on its side. */
export class HeldModels {
  private readonly models = new Map<number, OnnxModel>();

  answer(request: ModelRequest): ModelAnswer {
    try {
      return { value: this.done(request) };
    } catch (error) {
      const { message } = error as Error;
      return { failure: { code: error instanceof GyreError ? error.code : null, message } };
    }
  }

  private done(request: ModelRequest): Described | Float32Array | Values | null {
    switch (request.ask) {
      case 'load': {
        const model = OnnxModel.load(request.bytes);
        this.models.set(request.model, model);
        const { inputs, optionalInputs, outputs, classes, metadata, width, scoreName, sizedBy } = model;
        model.measured = measureRun(model);
        return { inputs, optionalInputs, outputs, classes, metadata, width, scoreName, run: model.measured, sizedBy };
      }
      case 'run':
        return this.model(request.model).run(request.features, request.rows);
      case 'call':
        return this.model(request.model).call(request.inputs, request.outputs);
      case 'dispose':
        this.models.get(request.model)?.dispose();
        this.models.delete(request.model);
        return null;
    }
  }

  private model(id: number): OnnxModel {
    const model = this.models.get(id);
    if (model === undefined) throw new RangeError('This model has been disposed of');
    return model;
  }
}
