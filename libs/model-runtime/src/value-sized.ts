import {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  ValueInfo,
} from './onnx-schema.js';
import { fieldsOf, lastField, text, type Field } from './wire.js';

/** Whose bodies, or whose inputs, say when they end. */
const ENDLESS: ReadonlySet<string> = new Set(['BeamSearch', 'GreedySearch', 'Loop', 'Sampling', 'WhisperBeamSearch']);
/** Which inputs of other operators say how much they give, by their places. */
const SIZES: Readonly<Record<string, readonly number[]>> = {
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  Expand: [1],
  OneHot: [1],
  Pad: [1],
  Range: [0, 1, 2],
  Resize: [2, 3],
  Tile: [1],
  Upsample: [1],
};
/** What these say of their input does not depend on its values. */
const OF_THE_SHAPE: ReadonlySet<string> = new Set(['Shape', 'Size']);
const WITH_GRAPHS: ReadonlySet<string> = new Set(['If', 'Scan', 'SequenceMap']);

/** Names of what comes from a request; null: everything may. */
type Sent = ReadonlySet<string> | null;

/**
 * The first operator of a graph that may work for as long, or give as much, as the values say that are sent to it: what was measured of one run then
 * tells nothing of the next. Sizes that constants or shapes say are none of these: they were measured, or are bounded with the request.
 *
 * @param bytes a file that onnxruntime has loaded
 * @param inputs names of what a request may bring
 * @returns null where there is none
 */
export function sizedByValues(bytes: Uint8Array, inputs: readonly string[]): string | null {
  const model = fieldsOf(bytes);
  for (const { number, content } of model) {
    if (number !== ModelProto.functions) continue;
    // What a function of the file's own is given cannot be seen here.
    const found = inNodes(fieldsOf(content), FunctionProto.node, null);
    if (found !== null) return found;
  }
  const graph = lastField(model, ModelProto.graph);
  return graph === undefined ? null : inNodes(fieldsOf(graph.content), GraphProto.node, new Set(inputs));
}

/** A graph within a node: what it is given comes from around it. */
function inGraph(bytes: Uint8Array, outside: Sent): string | null {
  const graph = fieldsOf(bytes);
  if (outside === null) return inNodes(graph, GraphProto.node, null);
  const inputs = graph.filter(({ number }) => number === GraphProto.input);
  const names = inputs.map(({ content }) => text(lastField(fieldsOf(content), ValueInfo.name)));
  return inNodes(graph, GraphProto.node, new Set([...outside, ...names]));
}

function inNodes(fields: readonly Field[], node: number, outside: Sent): string | null {
  const sent = outside === null ? null : new Set(outside);
  for (const { number, content } of fields) {
    if (number !== node) continue;
    const parts = fieldsOf(content);
    const operator = text(lastField(parts, NodeProto.opType));
    const inputs = parts.filter((part) => part.number === NodeProto.input).map(text);
    const isSent = (name = ''): boolean => name !== '' && (sent === null || sent.has(name));
    if (ENDLESS.has(operator) || SIZES[operator]?.some((place) => isSent(inputs[place])) === true) return operator;
    const hasGraphs = WITH_GRAPHS.has(operator);
    for (const graph of hasGraphs ? graphsIn(parts) : []) {
      const found = inGraph(graph, sent);
      if (found !== null) return found;
    }
    // What graphs within take from around them is not looked for.
    if (OF_THE_SHAPE.has(operator) || !(hasGraphs || inputs.some(isSent))) continue;
    for (const part of parts) if (part.number === NodeProto.output) sent?.add(text(part));
  }
  return null;
}

function graphsIn(node: readonly Field[]): Uint8Array[] {
  return node.flatMap(({ number, content }) => {
    if (number !== NodeProto.attribute) return [];
    const graphs = fieldsOf(content).filter((part) => GRAPHS.has(part.number));
    return graphs.map((part) => part.content);
  });
}

const GRAPHS: ReadonlySet<number> = new Set([AttributeProto.g, AttributeProto.graphs]);
