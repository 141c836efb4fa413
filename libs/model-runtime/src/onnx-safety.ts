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
import { type Field, fieldsOf, integers, lastField, text } from './wire.js';

/** Operators that onnxruntime brings with it. */
const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', ML_DOMAIN, 'com.microsoft']);
/** Graphs within graphs (If, Loop, Scan) so deep. */
const NESTING_MAX = 32;
/** A constant's elements take at least half a byte each; what declares more than it brings is made to fill memory. */
const ELEMENTS_A_BYTE_MAX = 2;

/**
 * Refuses a file that would reach outside of itself or claims more than it holds: tensors in other files, operators that are no part of
 * onnxruntime, constants larger than their data, nesting without end.
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
  const domains = new Set([...DOMAINS, ...own]);
  const graph = lastField(model, ModelProto.graph);
  if (graph === undefined) throw invalid('the file is no ONNX model: it holds no graph');
  checkGraph(graph.content, domains, 'the graph', 0);
  for (const fields of functions) {
    for (const { number, content } of fields)
      if (number === FunctionProto.node) checkNode(content, domains, 'a function', 0);
  }
}

function checkGraph(bytes: Uint8Array, domains: ReadonlySet<string>, where: string, depth: number): void {
  if (depth > NESTING_MAX) throw invalid(`${where} lies in others more than ${NESTING_MAX} deep`);
  for (const { number, content } of read(bytes, where)) {
    if (number === GraphProto.node) checkNode(content, domains, where, depth);
    else if (number === GraphProto.initializer) checkTensor(content, where);
    else if (number === GraphProto.sparseInitializer) checkSparse(content, where);
  }
}

function checkNode(bytes: Uint8Array, domains: ReadonlySet<string>, where: string, depth: number): void {
  const fields = read(bytes, `a node of ${where}`);
  const domain = text(lastField(fields, NodeProto.domain));
  const operator = text(lastField(fields, NodeProto.opType));
  if (!domains.has(domain)) {
    throw invalid(
      `it uses the operator ${operator} of the domain "${domain}", which is no part of onnxruntime; expected operators of ai.onnx, ai.onnx.ml or com.microsoft`,
    );
  }
  for (const { number, content } of fields) {
    if (number !== NodeProto.attribute) continue;
    for (const part of read(content, `an attribute of ${operator}`)) {
      const inner = `${operator} in ${where}`;
      if (part.number === AttributeProto.t || part.number === AttributeProto.tensors) checkTensor(part.content, inner);
      else if (part.number === AttributeProto.sparseTensor || part.number === AttributeProto.sparseTensors)
        checkSparse(part.content, inner);
      else if (part.number === AttributeProto.g || part.number === AttributeProto.graphs)
        checkGraph(part.content, domains, `a graph of ${operator}`, depth + 1);
    }
  }
}

function checkSparse(bytes: Uint8Array, where: string): void {
  for (const { number, content } of read(bytes, `a sparse constant of ${where}`)) {
    if (number === SparseTensorProto.values || number === SparseTensorProto.indices) checkTensor(content, where);
  }
}

function checkTensor(bytes: Uint8Array, where: string): void {
  const fields = read(bytes, `a constant of ${where}`);
  const name = text(lastField(fields, TensorProto.name));
  const external = fields.some(
    ({ number, integer }) =>
      number === TensorProto.externalData || (number === TensorProto.dataLocation && integer !== 0),
  );
  if (external) {
    throw invalid(
      `the constant "${name}" of ${where} lies in another file; expected one file, as onnx.save_model writes with save_as_external_data=False`,
    );
  }
  const dims = integers(fields, TensorProto.dims);
  const elements = dims.reduce((product, size) => product * size, 1);
  if (dims.some((size) => size < 0))
    throw invalid(`the constant "${name}" of ${where} has the shape [${dims.join(', ')}]`);
  const data = fields.filter(({ number }) => DATA.has(number)).reduce((sum, { raw }) => sum + raw.length, 0);
  if (elements > data * ELEMENTS_A_BYTE_MAX) {
    throw invalid(
      `the constant "${name}" of ${where} has the shape [${dims.join(', ')}], which is ${elements} elements, and brings ${data} bytes`,
    );
  }
}

const DATA: ReadonlySet<number> = new Set([
  TensorProto.floatData,
  TensorProto.int32Data,
  TensorProto.stringData,
  TensorProto.int64Data,
  TensorProto.rawData,
  TensorProto.doubleData,
  TensorProto.uint64Data,
]);

function read(bytes: Uint8Array, what: string): Field[] {
  try {
    return fieldsOf(bytes);
  } catch (error) {
    throw invalid(`the file is no ONNX model: ${what} is broken: ${(error as Error).message}`);
  }
}

function invalid(problem: string): GyreError {
  return new GyreError('MODEL_INVALID', problem);
}
