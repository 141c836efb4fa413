import type { TensorValue } from './loaded-model.js';
import { GraphProto, ModelProto, TensorProto, ValueInfo } from './onnx-schema.js';
import { openSession, type Tensor } from './onnxruntime.js';
import { concatenated, type Field, fieldsOf, firstField, integers, lastField, MessageWriter, text } from './wire.js';

/** Inputs that need not be brought: the file has a value for each. */
export interface OptionalInputs {
  /** The file without these values, so that onnxruntime takes others. */
  readonly bytes: Uint8Array;
  /** By name: what stands in for an input that is not brought. */
  readonly initial: ReadonlyMap<string, TensorValue>;
}

/** Before, every constant had to be listed among the inputs, and none could be replaced. */
const IR_VERSION_MIN = 4;
/** An input of more is a weight: some exporters go on listing them, and without their values a model runs slower. */
const ELEMENTS_MAX = 1_024;

/**
 * Finds the inputs that have an initializer. onnxruntime's binding takes these for constants and drops what is brought for them in silence, so their
 * values are taken off the graph, to be brought with each run.
 *
 * @param bytes an ONNX file
 * @returns null where the file has no such inputs, or lists its weights among them
 */
export function optionalInputs(bytes: Uint8Array): OptionalInputs | null {
  const model = fieldsOf(bytes);
  if ((lastField(model, ModelProto.irVersion)?.integer ?? 0) < IR_VERSION_MIN) return null;
  const graphField = lastField(model, ModelProto.graph);
  const graph = fieldsOf(graphField?.content ?? new Uint8Array(0));
  const inputs = new Map(named(graph, GraphProto.input, ValueInfo.name));
  const constants = named(graph, GraphProto.initializer, TensorProto.name).filter(([name]) => inputs.has(name));
  if (constants.length === 0 || constants.some(([, field]) => elementsIn(field) > ELEMENTS_MAX)) return null;
  const replaced = new Set(constants.map(([, field]) => field));
  const withGraph = (fields: readonly Uint8Array[]): Uint8Array =>
    concatenated(
      model.map((field) =>
        field === graphField ? new MessageWriter().bytes(ModelProto.graph, concatenated(fields)).finish() : field.raw,
      ),
    );
  const outputs = constants.map(([name]) => {
    const { content } = inputs.get(name) as Field;
    return new MessageWriter().bytes(GraphProto.output, content).finish();
  });
  const title = new MessageWriter().text(GraphProto.name, 'initial').finish();
  const initial = valuesIn(withGraph([title, ...constants.map(([, { raw }]) => raw), ...outputs]));
  return { bytes: withGraph(graph.filter((field) => !replaced.has(field)).map(({ raw }) => raw)), initial };
}

function named(graph: readonly Field[], number: number, name: number): [string, Field][] {
  return graph
    .filter((field) => field.number === number)
    .map((field) => [text(firstField(field.content, name)), field]);
}

function elementsIn({ content }: Field): number {
  return integers(fieldsOf(content), TensorProto.dims).reduce((product, size) => product * size, 1);
}

/** What a graph of nothing but constants gives: so onnxruntime reads them, of whatever type. */
function valuesIn(bytes: Uint8Array): Map<string, TensorValue> {
  const session = openSession(bytes);
  const names = session.outputMetadata.map(({ name }) => name);
  const values = session.run({}, Object.fromEntries(names.map((name) => [name, null])), {});
  session.dispose();
  return new Map(
    names.map((name) => {
      const { type, dims, data } = values[name] as Tensor;
      return [name, { type: type as TensorValue['type'], dims, data: data as TensorValue['data'] }];
    }),
  );
}
