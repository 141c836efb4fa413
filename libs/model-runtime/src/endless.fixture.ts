import { encodeOnnx, encodeValueInfo, type OnnxModelParts } from './onnx-builder.js';
import {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorType,
  TypeProto,
  ValueInfo,
} from './onnx-schema.js';
import { concatenated, fieldsOf, MessageWriter } from './wire.js';

const GRAPH_TYPE = 5;
const BOOL_TYPE = 9;

/** A model whose inputs and outputs are these: what it does with them is for the caller to say. */
export function graph(over: Partial<OnnxModelParts>): Uint8Array {
  return encodeOnnx({
    name: 'm',
    inputs: [{ name: 'x', type: 'int64', dims: [] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['N'] }],
    nodes: [],
    constants: {},
    opsets: { '': 13 },
    metadata: {},
    ...over,
  });
}

/** Goes round so often, or as often as its input `x` says, and gives what it was given in the input `v`. */
export function looping(times?: number): Uint8Array {
  const body = new MessageWriter()
    .message(GraphProto.node, node('Identity', ['go'], ['goes']))
    .message(GraphProto.node, node('Identity', ['a'], ['b']))
    .text(GraphProto.name, 'round')
    .message(GraphProto.input, encodeValueInfo({ name: 'i', type: 'int64', dims: [] }))
    .message(GraphProto.input, scalar('go'))
    .message(GraphProto.input, encodeValueInfo({ name: 'a', type: 'float32', dims: ['N'] }))
    .message(GraphProto.output, scalar('goes'))
    .message(GraphProto.output, encodeValueInfo({ name: 'b', type: 'float32', dims: ['N'] }));
  const attribute = new MessageWriter()
    .text(AttributeProto.name, 'body')
    .integer(AttributeProto.type, GRAPH_TYPE)
    .message(AttributeProto.g, body);
  const loop = node('Loop', ['x', '', 'v'], ['y']).message(NodeProto.attribute, attribute);
  const x = { name: 'x', type: 'int64', dims: [] } as const;
  const v = { name: 'v', type: 'float32', dims: ['N'] } as const;
  const around =
    times === undefined
      ? graph({ inputs: [x, v] })
      : graph({ inputs: [v], constants: { x: { ...x, values: [times] } } });
  return concatenated(
    fieldsOf(around).map((field) => {
      if (field.number !== ModelProto.graph) return field.raw;
      const whole = concatenated([new MessageWriter().message(GraphProto.node, loop).finish(), field.content]);
      return new MessageWriter().bytes(ModelProto.graph, whole).finish();
    }),
  );
}

/** A node by itself, of a graph or a function. */
export function node(operator: string, inputs: readonly string[], outputs: readonly string[]): MessageWriter {
  const message = new MessageWriter();
  for (const input of inputs) message.text(NodeProto.input, input);
  for (const output of outputs) message.text(NodeProto.output, output);
  return message.text(NodeProto.name, operator + outputs[0]).text(NodeProto.opType, operator);
}

/** The same file with a function `own:Own` of one node, which a node of this operator calls. */
export function withFunction(bytes: Uint8Array, body: MessageWriter): Uint8Array {
  const own = new MessageWriter()
    .text(FunctionProto.opType, 'Own')
    .message(FunctionProto.node, body)
    .text(FunctionProto.domain, 'own');
  return concatenated([bytes, new MessageWriter().message(ModelProto.functions, own).finish()]);
}

/** A truth, which no model that is written here has. */
function scalar(name: string): MessageWriter {
  const tensor = new MessageWriter()
    .integer(TensorType.elementType, BOOL_TYPE)
    .message(TensorType.shape, new MessageWriter());
  return new MessageWriter()
    .text(ValueInfo.name, name)
    .message(ValueInfo.type, new MessageWriter().message(TypeProto.tensor, tensor));
}
