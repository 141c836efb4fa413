import { GyreError } from '@gyre/contracts';
import { encodeValueInfo } from './onnx-builder.js';
import {
  AttributeProto,
  GraphProto,
  ML_DOMAIN,
  ModelProto,
  NodeProto,
  OperatorSet,
  StringEntry,
  TensorType,
  TypeProto,
  ValueInfo,
} from './onnx-schema.js';
import { concatenated, type Field, fieldsOf, firstField, integers, lastField, MessageWriter, text } from './wire.js';

/** A file made fit for a runtime that answers with tensors only, and what it says of itself. */
export interface PreparedOnnx {
  readonly bytes: Uint8Array;
  /** Names of outputs that were lists of maps and are now a matrix of probabilities. */
  readonly cut: readonly string[];
  /** The classes of the last classifier in the graph, in the order of its probabilities; empty where there is none. */
  readonly classes: readonly (string | number)[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Inputs of which the file does not even say how many dimensions they have. */
  readonly unranked: ReadonlySet<string>;
}

/** The first version of the standard operators' present Identity: what a file without any of them is declared to use. */
const IDENTITY_OPSET = 13;

/**
 * Cuts ZipMap nodes off the graph: each one's output keeps its name and becomes its input, float32 [N, classes].
 * Everything else stays as it was, to the byte.
 *
 * @throws GyreError MODEL_INVALID if the bytes are no ONNX model
 */
export function prepareOnnx(bytes: Uint8Array): PreparedOnnx {
  const model = parsed(bytes, 'the file');
  const graphField = lastField(model, ModelProto.graph);
  if (graphField === undefined) throw new GyreError('MODEL_INVALID', 'the file is no ONNX model: it holds no graph');
  const graph = parsed(graphField.content, 'its graph');
  const nodes = graph.filter((field) => field.number === GraphProto.node).map((field) => new NodeReader(field));
  const metadata = metadataOf(model);
  const unranked = unrankedIn(graph);
  const zipMaps = nodes.filter((node) => node.operator === 'ZipMap' && node.domain === ML_DOMAIN);
  const classes = nodes.map((node) => node.classLabels()).findLast((labels) => labels.length > 0) ?? [];
  if (zipMaps.length === 0) return { bytes, cut: [], classes, metadata, unranked };

  const byField = new Map(zipMaps.map((node) => [node.field, node]));
  const byOutput = new Map(zipMaps.map((node) => [node.outputs[0] ?? '', node]));
  const newGraph = concatenated(
    graph.map((field) => {
      const zipMap = byField.get(field);
      if (zipMap !== undefined) return new MessageWriter().message(GraphProto.node, identityInPlaceOf(zipMap)).finish();
      const name =
        field.number === GraphProto.output ? text(lastField(parsed(field.content, 'an output'), ValueInfo.name)) : '';
      const source = byOutput.get(name);
      if (field.number !== GraphProto.output || source === undefined) return field.raw;
      const matrix = encodeValueInfo({ name, type: 'float32', dims: ['N', source.classLabels().length] });
      return new MessageWriter().message(GraphProto.output, matrix).finish();
    }),
  );
  const parts = model.map((field) =>
    field === graphField ? new MessageWriter().bytes(ModelProto.graph, newGraph).finish() : field.raw,
  );
  if (!usesStandardOperators(model)) {
    const standard = new MessageWriter().text(OperatorSet.domain, '').integer(OperatorSet.version, IDENTITY_OPSET);
    parts.push(new MessageWriter().message(ModelProto.opsetImport, standard).finish());
  }
  return { bytes: concatenated(parts), cut: [...byOutput.keys()], classes, metadata, unranked };
}

function unrankedIn(graph: readonly Field[]): ReadonlySet<string> {
  const inputs = graph.filter((field) => field.number === GraphProto.input);
  const names = inputs.flatMap((field) => {
    const info = parsed(field.content, 'an input');
    const type = lastField(info, ValueInfo.type);
    const tensor = type === undefined ? undefined : lastField(parsed(type.content, 'a type'), TypeProto.tensor);
    if (tensor === undefined) return [];
    const shape = lastField(parsed(tensor.content, 'a type'), TensorType.shape);
    return shape === undefined ? [text(lastField(info, ValueInfo.name))] : [];
  });
  return new Set(names);
}

/** A node, read only as far as asked. */
class NodeReader {
  private readonly fields: Field[];
  constructor(readonly field: Field) {
    this.fields = parsed(field.content, 'a node');
  }
  get operator(): string {
    return text(lastField(this.fields, NodeProto.opType));
  }
  get domain(): string {
    return text(lastField(this.fields, NodeProto.domain));
  }
  get name(): string {
    return text(lastField(this.fields, NodeProto.name));
  }
  get inputs(): string[] {
    return this.fields.filter((field) => field.number === NodeProto.input).map(text);
  }
  get outputs(): string[] {
    return this.fields.filter((field) => field.number === NodeProto.output).map(text);
  }

  /** The labels that a classifier or a ZipMap carries; empty for any other node. */
  classLabels(): (string | number)[] {
    if (this.domain !== ML_DOMAIN) return [];
    for (const field of this.fields) {
      if (field.number !== NodeProto.attribute) continue;
      // By its name first: the attributes of a tree ensemble hold tens of thousands of numbers.
      if (!CLASS_LABELS.has(text(read('an attribute', () => firstField(field.content, AttributeProto.name))))) continue;
      const attribute = parsed(field.content, 'an attribute');
      const strings = attribute.filter((part) => part.number === AttributeProto.strings).map(text);
      const labels = strings.length > 0 ? strings : integers(attribute, AttributeProto.ints);
      if (labels.length > 0) return labels;
    }
    return [];
  }
}

/** As the classifiers of ai.onnx.ml call them. */
const CLASS_LABELS = new Set(['classlabels_ints', 'classlabels_int64s', 'classlabels_strings']);

function identityInPlaceOf(zipMap: NodeReader): MessageWriter {
  return new MessageWriter()
    .text(NodeProto.input, zipMap.inputs[0] ?? '')
    .text(NodeProto.output, zipMap.outputs[0] ?? '')
    .text(NodeProto.name, zipMap.name)
    .text(NodeProto.opType, 'Identity');
}

function usesStandardOperators(model: readonly Field[]): boolean {
  return model.some((field) => {
    if (field.number !== ModelProto.opsetImport) return false;
    const domain = text(lastField(parsed(field.content, 'an operator set'), OperatorSet.domain));
    return domain === '' || domain === 'ai.onnx';
  });
}

function metadataOf(model: readonly Field[]): Record<string, string> {
  const entries = model
    .filter((field) => field.number === ModelProto.metadataProps)
    .map((field) => parsed(field.content, 'its metadata'));
  return Object.fromEntries(
    entries.map((entry) => [text(lastField(entry, StringEntry.key)), text(lastField(entry, StringEntry.value))]),
  );
}

function parsed(bytes: Uint8Array, what: string): Field[] {
  return read(what, () => fieldsOf(bytes));
}

function read<T>(what: string, reading: () => T): T {
  try {
    return reading();
  } catch (error) {
    throw new GyreError(
      'MODEL_INVALID',
      `the file is no ONNX model: ${what} cannot be read (${(error as Error).message})`,
    );
  }
}
