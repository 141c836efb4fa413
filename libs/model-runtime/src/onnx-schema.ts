/**
 * The field numbers of the part of ONNX's schema that we read and write.
 *
 * @see onnx/onnx.proto of the ONNX project (Apache-2.0), whose names these are
 */
export const ModelProto = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  opsetImport: 8,
  metadataProps: 14,
  functions: 25,
} as const;
export const OperatorSet = { domain: 1, version: 2 } as const;
export const StringEntry = { key: 1, value: 2 } as const;
export const GraphProto = { node: 1, name: 2, initializer: 5, input: 11, output: 12, sparseInitializer: 15 } as const;
/** `opType`: its name, which is that of the operator by which nodes call it. */
export const FunctionProto = { opType: 1, node: 7, domain: 10 } as const;
export const SparseTensorProto = { values: 1, indices: 2 } as const;
export const NodeProto = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
export const AttributeProto = {
  name: 1,
  f: 2,
  i: 3,
  s: 4,
  t: 5,
  g: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
  type: 20,
  sparseTensor: 22,
  sparseTensors: 23,
} as const;
export const AttributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;
export const TensorProto = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;
export const ValueInfo = { name: 1, type: 2 } as const;
export const TypeProto = { tensor: 1 } as const;
export const TensorType = { elementType: 1, shape: 2 } as const;
export const ShapeProto = { dimension: 1 } as const;
export const Dimension = { value: 1, parameter: 2 } as const;

/** Numbers of the element types that we write. */
export const ElementType = { float32: 1, int64: 7, string: 8, float64: 11 } as const;
export type ElementType = keyof typeof ElementType;

/** The domain of the classical machine-learning operators; the standard operators have the empty domain. */
export const ML_DOMAIN = 'ai.onnx.ml';
