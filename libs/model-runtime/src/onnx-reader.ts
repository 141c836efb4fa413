import { GyreError } from '@gyre/contracts';
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './onnx-builder.js';
import {
  AttributeProto,
  AttributeType,
  ElementType,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
} from './onnx-schema.js';
import { type Field, fieldsOf, integers, isPacked, lastField, text } from './wire.js';

/** As much of a file as explains what it computes. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  /** Initializers of float32, float64 and int64; others are left out. */
  readonly constants: Readonly<Record<string, OnnxTensor>>;
}

/**
 * The nodes and constants of an ONNX file: what `encodeOnnx` writes, read again.
 * @throws GyreError MODEL_INVALID if the bytes are no ONNX model
 */
export function decodeOnnx(bytes: Uint8Array): OnnxGraph {
  try {
    const graph = lastField(fieldsOf(bytes), ModelProto.graph);
    if (graph === undefined) throw new RangeError('it holds no graph');
    const nodes: OnnxNode[] = [];
    const constants: Record<string, OnnxTensor> = {};
    for (const { number, content } of fieldsOf(graph.content)) {
      if (number === GraphProto.node) nodes.push(nodeOf(fieldsOf(content)));
      if (number !== GraphProto.initializer) continue;
      const fields = fieldsOf(content);
      const tensor = tensorOf(fields);
      if (tensor !== undefined) constants[text(lastField(fields, TensorProto.name))] = tensor;
    }
    return { nodes, constants };
  } catch (error) {
    throw new GyreError('MODEL_INVALID', `the file is no ONNX model: ${(error as Error).message}`);
  }
}

function nodeOf(fields: readonly Field[]): OnnxNode {
  const names = (number: number): string[] => fields.filter((field) => field.number === number).map(text);
  const attributes: Record<string, OnnxAttribute> = {};
  for (const field of fields) {
    if (field.number !== NodeProto.attribute) continue;
    const parts = fieldsOf(field.content);
    const attribute = attributeOf(parts);
    if (attribute !== undefined) attributes[text(lastField(parts, AttributeProto.name))] = attribute;
  }
  return {
    op: text(lastField(fields, NodeProto.opType)),
    domain: text(lastField(fields, NodeProto.domain)),
    inputs: names(NodeProto.input),
    outputs: names(NodeProto.output),
    attributes,
  };
}

/** Of the kinds that say what a model computes; undefined for others. */
function attributeOf(parts: readonly Field[]): OnnxAttribute | undefined {
  switch (lastField(parts, AttributeProto.type)?.integer) {
    case AttributeType.int:
      return { int: lastField(parts, AttributeProto.i)?.integer ?? 0 };
    case AttributeType.string:
      return { string: text(lastField(parts, AttributeProto.s)) };
    case AttributeType.ints:
      return { ints: integers(parts, AttributeProto.ints) };
    case AttributeType.floats:
      return { floats: floatsIn(parts.filter(({ number }) => number === AttributeProto.floats)) };
    case AttributeType.strings:
      return { strings: parts.filter(({ number }) => number === AttributeProto.strings).map(text) };
    case AttributeType.tensor: {
      const tensor = tensorOf(fieldsOf(lastField(parts, AttributeProto.t)?.content ?? new Uint8Array(0)));
      return tensor === undefined ? undefined : { tensor };
    }
    default:
      return undefined;
  }
}

/** Packed or not: where each stands by itself, its four bytes end the field. */
function floatsIn(fields: readonly Field[]): number[] {
  return fields.flatMap((field) => numbers('float32', isPacked(field) ? field.content : field.raw.subarray(-4)));
}

function tensorOf(fields: readonly Field[]): OnnxTensor | undefined {
  const code = lastField(fields, TensorProto.dataType)?.integer;
  const type = (['float32', 'float64', 'int64'] as const).find((name) => ElementType[name] === code);
  if (type === undefined) return undefined;
  const raw = lastField(fields, TensorProto.rawData);
  const dims = integers(fields, TensorProto.dims);
  if (raw !== undefined) return { type, dims, values: numbers(type, raw.content) };
  if (type === 'int64') return { type, dims, values: integers(fields, TensorProto.int64Data) };
  const data = type === 'float32' ? TensorProto.floatData : TensorProto.doubleData;
  const values = fields
    .filter(({ number }) => number === data)
    .flatMap((field) =>
      numbers(type, isPacked(field) ? field.content : field.raw.subarray(type === 'float32' ? -4 : -8)),
    );
  return { type, dims, values };
}

/** Little-endian. */
function numbers(type: OnnxTensor['type'], bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = type === 'float32' ? 4 : 8;
  return Array.from({ length: bytes.byteLength / size }, (_, i) => {
    if (type === 'float32') return view.getFloat32(i * size, true);
    return type === 'float64' ? view.getFloat64(i * size, true) : Number(view.getBigInt64(i * size, true));
  });
}
