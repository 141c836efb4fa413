export * from './loaded-model.js';
export * from './onnx-builder.js';
export { prepareOnnx, type PreparedOnnx } from './onnx-graph.js';
export * from './onnx-model.js';
export { ML_DOMAIN } from './onnx-schema.js';
export { runtimeVersion } from './onnxruntime.js';
