import { GyreError } from '@gyre/contracts';
import {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ML_DOMAIN,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
} from './onnx-schema.js';
import { type Field, fieldsOf, integers, lastField, scan, text } from './wire.js';

/** Operators that onnxruntime brings with it. */
const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', ML_DOMAIN, 'com.microsoft']);
/** Graphs within graphs (If, Loop, Scan) so deep. */
const NESTING_MAX = 32;
/** Nodes and whatever else graphs hold, and what these hold, all together: the graphs of the largest language models have a tenth of it. */
const PARTS_MAX = 1_000_000;
const DIMENSIONS_MAX = 64;
/** What a classifier may choose between. */
const LABELS_MAX = 100_000;
/** A constant's elements take at least half a byte each; what declares more than it brings is made to fill memory. */
const ELEMENTS_A_BYTE_MAX = 2;

/**
 * Refuses a file that would reach outside of itself or claims more than it holds: tensors in other files, operators that are no part of
 * onnxruntime, constants larger than their data, nesting without end, parts by the million. Long lists of numbers and texts are passed over
 * one by one, so that it takes no memory to speak of.
 *
 * What a graph computes while it is loaded cannot be seen so; see onnx-trial.ts.
 *
 * @throws GyreError MODEL_INVALID saying where in the file
 */
export function refuseUnsafe(bytes: Uint8Array): void {
  const model = read(bytes, 'the file');
  const functions = model
    .filter(({ number }) => number === ModelProto.functions)
    .map(({ content }) => read(content, 'a function'));
  const own = functions.map((fields) => text(lastField(fields, FunctionProto.domain)));
  const known: Known = { domains: new Set([...DOMAINS, ...own]), parts: 0 };
  const graph = lastField(model, ModelProto.graph);
  if (graph === undefined) throw invalid('the file is no ONNX model: it holds no graph');
  checkGraph(graph.content, known, 'the graph', 0);
  for (const fields of functions) {
    for (const { number, content } of fields)
      if (number === FunctionProto.node) checkNode(content, known, 'a function', 0);
  }
}

/** What is the same wherever in the file one looks. */
interface Known {
  readonly domains: ReadonlySet<string>;
  /** Counted so far. */
  parts: number;
}

function count(known: Known): void {
  known.parts += 1;
  if (known.parts > PARTS_MAX) throw invalid(`its graphs hold more than ${PARTS_MAX} nodes, names and other parts`);
}

function checkGraph(bytes: Uint8Array, known: Known, where: string, depth: number): void {
  if (depth > NESTING_MAX) throw invalid(`${where} lies in others more than ${NESTING_MAX} deep`);
  for (const { number, content } of parts(bytes, where)) {
    count(known);
    if (number === GraphProto.node) checkNode(content, known, where, depth);
    else if (number === GraphProto.initializer) checkTensor(content, where);
    else if (number === GraphProto.sparseInitializer) checkSparse(content, where);
  }
}

function checkNode(bytes: Uint8Array, known: Known, where: string, depth: number): void {
  const fields = read(bytes, `a node of ${where}`);
  const domain = text(lastField(fields, NodeProto.domain));
  const operator = text(lastField(fields, NodeProto.opType));
  if (!known.domains.has(domain)) {
    throw invalid(
      `it uses the operator ${operator} of the domain "${domain}", which is no part of onnxruntime; expected operators of ai.onnx, ai.onnx.ml or com.microsoft`,
    );
  }
  for (const { number, content } of fields) {
    count(known);
    if (number !== NodeProto.attribute) continue;
    let [name, elements] = ['', 0];
    for (const part of parts(content, `an attribute of ${operator}`)) {
      if (part.number === AttributeProto.name) name = text(part);
      else elements += 1;
      const inner = `${operator} in ${where}`;
      if (part.number === AttributeProto.t || part.number === AttributeProto.tensors) checkTensor(part.content, inner);
      else if (part.number === AttributeProto.sparseTensor || part.number === AttributeProto.sparseTensors)
        checkSparse(part.content, inner);
      else if (part.number === AttributeProto.g || part.number === AttributeProto.graphs)
        checkGraph(part.content, known, `a graph of ${operator}`, depth + 1);
    }
    if (name.startsWith('classlabels') && elements > LABELS_MAX)
      throw invalid(`${operator} in ${where} has ${elements} class labels; expected at most ${LABELS_MAX}`);
  }
}

function checkSparse(bytes: Uint8Array, where: string): void {
  for (const { number, content } of parts(bytes, `a sparse constant of ${where}`)) {
    if (number === SparseTensorProto.values || number === SparseTensorProto.indices) checkTensor(content, where);
  }
}

function checkTensor(bytes: Uint8Array, where: string): void {
  let name = '';
  let isExternal = false;
  let data = 0;
  const dims: number[] = [];
  for (const field of parts(bytes, `a constant of ${where}`)) {
    const { number, integer } = field;
    if (number === TensorProto.name) name = text(field);
    else if (number === TensorProto.externalData || (number === TensorProto.dataLocation && integer !== 0))
      isExternal = true;
    else if (DATA.has(number)) data += field.raw.length;
    else if (number === TensorProto.dims) {
      if (dims.length + field.content.length > DIMENSIONS_BYTES_MAX || dims.length > DIMENSIONS_MAX)
        throw invalid(`the constant "${name}" of ${where} has more than ${DIMENSIONS_MAX} dimensions`);
      dims.push(...integers([field], TensorProto.dims));
    }
  }
  if (isExternal) {
    throw invalid(
      `the constant "${name}" of ${where} lies in another file; expected one file, as onnx.save_model writes with save_as_external_data=False`,
    );
  }
  const elements = dims.reduce((product, size) => product * size, 1);
  if (dims.some((size) => size < 0))
    throw invalid(`the constant "${name}" of ${where} has the shape [${dims.join(', ')}]`);
  if (elements > data * ELEMENTS_A_BYTE_MAX) {
    throw invalid(
      `the constant "${name}" of ${where} has the shape [${dims.join(', ')}], which is ${elements} elements, and brings ${data} bytes`,
    );
  }
}

/** Each dimension takes ten bytes at most. */
const DIMENSIONS_BYTES_MAX = 10 * DIMENSIONS_MAX;
const DATA: ReadonlySet<number> = new Set([
  TensorProto.floatData,
  TensorProto.int32Data,
  TensorProto.stringData,
  TensorProto.int64Data,
  TensorProto.rawData,
  TensorProto.doubleData,
  TensorProto.uint64Data,
]);

/** All fields of a message that has few of them. */
function read(bytes: Uint8Array, what: string): Field[] {
  try {
    return fieldsOf(bytes);
  } catch (error) {
    throw broken(what, error);
  }
}

/** The fields of a message that may have many, one by one. */
function* parts(bytes: Uint8Array, what: string): Generator<Field> {
  const fields = scan(bytes);
  while (true) {
    let next: IteratorResult<Field>;
    try {
      next = fields.next();
    } catch (error) {
      throw broken(what, error);
    }
    if (next.done === true) return;
    yield next.value;
  }
}

function broken(what: string, error: unknown): GyreError {
  return invalid(`the file is no ONNX model: ${what} is broken: ${(error as Error).message}`);
}

function invalid(problem: string): GyreError {
  return new GyreError('MODEL_INVALID', problem);
}
