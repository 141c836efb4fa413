import {
  AttributeProto,
  AttributeType,
  Dimension,
  ElementType,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSet,
  ShapeProto,
  StringEntry,
  TensorProto,
  TensorType,
  TypeProto,
  ValueInfo,
} from './onnx-schema.js';
import { MessageWriter } from './wire.js';

/** A constant: numbers in row-major order. `dims` of [] is a scalar. */
export interface OnnxTensor {
  readonly type: Exclude<ElementType, 'string'>;
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: ArrayLike<number> }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor };

export interface OnnxNode {
  readonly op: string;
  /** Default: the standard operators. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output; a dimension that is a name varies, such as the batch's `N`. */
export interface OnnxValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

export interface OnnxModelParts {
  readonly name: string;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** In an order in which each finds its inputs made. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: Readonly<Record<string, OnnxTensor>>;
  /** Version of each operator domain in use. */
  readonly opsets: Readonly<Record<string, number>>;
  /** For the reader of the file: what it was made for. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** IR 8 came with ONNX 1.11 (2022): what older runtimes read too. */
const IR_VERSION = 8;

/** @returns the model as ONNX's protobuf; equal parts give equal bytes */
export function encodeOnnx(parts: OnnxModelParts): Uint8Array {
  const model = new MessageWriter().integer(ModelProto.irVersion, IR_VERSION).text(ModelProto.producerName, 'gyre');
  model.message(ModelProto.graph, graphOf(parts));
  for (const [domain, version] of Object.entries(parts.opsets)) {
    model.message(
      ModelProto.opsetImport,
      new MessageWriter().text(OperatorSet.domain, domain).integer(OperatorSet.version, version),
    );
  }
  for (const [key, value] of Object.entries(parts.metadata)) {
    model.message(
      ModelProto.metadataProps,
      new MessageWriter().text(StringEntry.key, key).text(StringEntry.value, value),
    );
  }
  return model.finish();
}

function graphOf(parts: OnnxModelParts): MessageWriter {
  const graph = new MessageWriter();
  for (const [index, node] of parts.nodes.entries())
    graph.message(GraphProto.node, nodeOf(node, `${node.op}_${index}`));
  graph.text(GraphProto.name, parts.name);
  for (const [name, tensor] of Object.entries(parts.constants))
    graph.message(GraphProto.initializer, tensorOf(tensor, name));
  for (const input of parts.inputs) graph.message(GraphProto.input, encodeValueInfo(input));
  for (const output of parts.outputs) graph.message(GraphProto.output, encodeValueInfo(output));
  return graph;
}

function nodeOf(node: OnnxNode, name: string): MessageWriter {
  const message = new MessageWriter();
  for (const input of node.inputs) message.text(NodeProto.input, input);
  for (const output of node.outputs) message.text(NodeProto.output, output);
  message.text(NodeProto.name, name).text(NodeProto.opType, node.op);
  for (const [key, attribute] of Object.entries(node.attributes ?? {}))
    message.message(NodeProto.attribute, attributeOf(key, attribute));
  return message.text(NodeProto.domain, node.domain ?? '');
}

function attributeOf(name: string, attribute: OnnxAttribute): MessageWriter {
  const message = new MessageWriter().text(AttributeProto.name, name);
  const typed = (type: keyof typeof AttributeType): MessageWriter =>
    message.integer(AttributeProto.type, AttributeType[type]);
  if ('int' in attribute) return typed('int').integer(AttributeProto.i, attribute.int);
  if ('float' in attribute) return typed('float').float(AttributeProto.f, attribute.float);
  if ('string' in attribute) return typed('string').text(AttributeProto.s, attribute.string);
  if ('ints' in attribute) return typed('ints').integers(AttributeProto.ints, attribute.ints);
  if ('floats' in attribute) return typed('floats').floats(AttributeProto.floats, attribute.floats);
  if ('tensor' in attribute) return typed('tensor').message(AttributeProto.t, tensorOf(attribute.tensor, ''));
  typed('strings');
  for (const value of attribute.strings) message.text(AttributeProto.strings, value);
  return message;
}

function tensorOf({ type, dims, values }: OnnxTensor, name: string): MessageWriter {
  const size = dims.reduce((product, dim) => product * dim, 1);
  if (size !== values.length)
    throw new RangeError(`A tensor of shape [${dims.join(', ')}] has ${size} values, got ${values.length}`);
  return new MessageWriter()
    .integers(TensorProto.dims, dims)
    .integer(TensorProto.dataType, ElementType[type])
    .text(TensorProto.name, name)
    .bytes(TensorProto.rawData, littleEndian(type, values));
}

function littleEndian(type: ElementType, values: ArrayLike<number>): Uint8Array {
  const width = type === 'float32' ? 4 : 8;
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (type === 'float32') view.setFloat32(i * width, value, true);
    else if (type === 'float64') view.setFloat64(i * width, value, true);
    else view.setBigInt64(i * width, BigInt(value), true);
  }
  return bytes;
}

export function encodeValueInfo({ name, type, dims }: OnnxValueInfo): MessageWriter {
  const shape = new MessageWriter();
  for (const dim of dims) {
    const dimension = new MessageWriter();
    if (typeof dim === 'number') dimension.integer(Dimension.value, dim);
    else dimension.text(Dimension.parameter, dim);
    shape.message(ShapeProto.dimension, dimension);
  }
  const tensor = new MessageWriter()
    .integer(TensorType.elementType, ElementType[type])
    .message(TensorType.shape, shape);
  return new MessageWriter()
    .text(ValueInfo.name, name)
    .message(ValueInfo.type, new MessageWriter().message(TypeProto.tensor, tensor));
}
