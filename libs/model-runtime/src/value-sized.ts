import {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ML_DOMAIN,
  ModelProto,
  NodeProto,
  ValueInfo,
} from './onnx-schema.js';
import { fieldsOf, lastField, text, type Field } from './wire.js';

/** Operators that do, and give, as much as the shapes of their inputs and their attributes say, whatever the values are. */
const SIZED_BY_SHAPES: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast
  CastLike Ceil Celu Clip Compress Concat Constant Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Det Div Dropout
  DynamicQuantizeLinear Einsum Elu Equal Erf Exp EyeLike Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool
  GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN LSTM
  LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean MeanVarianceNormalization Min
  Mish Mod Mul Neg NonZero Not Or PRelu Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN Reciprocal ReduceL1 ReduceL2 ReduceLogSum
  ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape ReverseSequence Round Scatter ScatterElements ScatterND
  Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze StringConcat StringNormalizer Sub Sum Swish
  Tan Tanh TfIdfVectorizer ThresholdedRelu TopK Transpose Trilu Unique Unsqueeze Where Xor`.split(/\s+/),
);
/** Those of the domain of classical machine learning. */
const ML_SIZED_BY_SHAPES: ReadonlySet<string> = new Set(
  `ArrayFeatureExtractor Binarizer CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor Normalizer
  OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor`.split(
    /\s+/,
  ),
);
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
 * The first operator of a graph that may work for as long, or give as much, as the values say that are sent to it, or of which nobody here knows better:
 * what was measured of one run then tells nothing of the next. Sizes that constants or shapes say are none of these: among inputs of one shape they were
 * measured.
 *
 * @param bytes a file that onnxruntime has loaded
 * @param inputs names of what a request may bring
 * @returns null where there is none
 */
export function sizedByValues(bytes: Uint8Array, inputs: readonly string[]): string | null {
  const model = fieldsOf(bytes);
  const functions = model
    .filter(({ number }) => number === ModelProto.functions)
    .map(({ content }) => fieldsOf(content));
  const own = new Set(functions.map((parts) => placeOf(parts, FunctionProto)));
  for (const parts of functions) {
    // What a function of the file's own is given cannot be seen here.
    const found = inNodes(parts, FunctionProto.node, null, own);
    if (found !== null) return found;
  }
  const graph = lastField(model, ModelProto.graph);
  return graph === undefined ? null : inNodes(fieldsOf(graph.content), GraphProto.node, new Set(inputs), own);
}

/** An operator or a function, with its domain. */
function placeOf(parts: readonly Field[], numbers: { opType: number; domain: number }): string {
  return `${text(lastField(parts, numbers.domain))}:${text(lastField(parts, numbers.opType))}`;
}

function isSizedByShapes(operator: string, domain: string): boolean {
  return domain === ML_DOMAIN ? ML_SIZED_BY_SHAPES.has(operator) : isStandard(domain) && SIZED_BY_SHAPES.has(operator);
}

function isStandard(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

/** A graph within a node: what it is given comes from around it. */
function inGraph(bytes: Uint8Array, outside: Sent, own: ReadonlySet<string>): string | null {
  const graph = fieldsOf(bytes);
  if (outside === null) return inNodes(graph, GraphProto.node, null, own);
  const inputs = graph.filter(({ number }) => number === GraphProto.input);
  const names = inputs.map(({ content }) => text(lastField(fieldsOf(content), ValueInfo.name)));
  return inNodes(graph, GraphProto.node, new Set([...outside, ...names]), own);
}

function inNodes(fields: readonly Field[], node: number, outside: Sent, own: ReadonlySet<string>): string | null {
  const sent = outside === null ? null : new Set(outside);
  for (const { number, content } of fields) {
    if (number !== node) continue;
    const parts = fieldsOf(content);
    const operator = text(lastField(parts, NodeProto.opType));
    const domain = text(lastField(parts, NodeProto.domain));
    const inputs = parts.filter((part) => part.number === NodeProto.input).map(text);
    const isSent = (name = ''): boolean => name !== '' && (sent === null || sent.has(name));
    const sizes = isStandard(domain) ? SIZES[operator] : undefined;
    const hasGraphs = isStandard(domain) && WITH_GRAPHS.has(operator);
    const isKnown = isSizedByShapes(operator, domain) || hasGraphs || own.has(`${domain}:${operator}`);
    if (sizes === undefined ? !isKnown : sizes.some((place) => isSent(inputs[place]))) return operator;
    for (const graph of hasGraphs ? graphsIn(parts) : []) {
      const found = inGraph(graph, sent, own);
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
