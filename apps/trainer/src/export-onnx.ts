import { encodeOnnx, type OnnxNode, type OnnxTensor } from '@gyre/model-runtime';
import { type Background, type FittedModel, predict, type Task } from '@gyre/learning';
import { linearGraph } from './export-linear.js';
import { treesGraph } from './export-trees.js';

/** The middle of a graph: from `features` float32 [N, width] to scores before the link. */
export interface ScoreGraph {
  readonly nodes: readonly OnnxNode[];
  readonly constants: Readonly<Record<string, OnnxTensor>>;
  /** Its last value: [N, 1] (binary: log-odds; regression: the value) or [N, classes]. */
  readonly scores: string;
  readonly scoresType: 'float32' | 'float64';
}

/** The input and the output of every exported graph. */
export const INPUT = 'features';
const OUTPUT = 'output';

const OPSETS = { '': 17, 'ai.onnx.ml': 3 };
const FLOAT32 = 1;

/**
 * A trained model as an ONNX file: from `features` float32 [N, width], NaN for missing, to `output` float32 [N, classes]
 * (probabilities) or [N, 1] (the value of a regression). Computed in float64 up to the last step, so that it agrees with the trainer
 * to float32's rounding. The same model, rows and metadata give the same bytes.
 *
 * @param train the rows that the model was trained on; trees say how many of them came to each node
 * @param metadata what the file is to say of itself
 */
export function exportOnnx(
  model: FittedModel,
  train: Background,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const { task, classes, width } = model;
  return encodeOnnx({
    name: `gyre-${model.kind}-${task}`,
    inputs: [{ name: INPUT, type: 'float32', dims: ['N', width] }],
    outputs: [{ name: OUTPUT, type: 'float32', dims: ['N', classes] }],
    opsets: OPSETS,
    metadata,
    ...graphOf(model, train),
  });
}

type Graph = Pick<ScoreGraph, 'nodes' | 'constants'>;

function graphOf(model: FittedModel, train: Background): Graph {
  if (model.kind === 'linear') return scoresToOutput(model.task, linearGraph(model));
  if (model.kind === 'trees' && model.trees.length > 0) return scoresToOutput(model.task, treesGraph(model, train));
  // No tree grew: the answer does not depend on the row.
  return constantGraph(predict(model, new Float32Array(model.width), 1));
}

/** The same answer for every row. */
function constantGraph(answer: Float64Array): Graph {
  return {
    nodes: [
      { op: 'Shape', inputs: [INPUT], outputs: ['rows'], attributes: { start: { int: 0 }, end: { int: 1 } } },
      { op: 'Concat', inputs: ['rows', 'columns'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      { op: 'Expand', inputs: ['answer', 'shape'], outputs: [OUTPUT] },
    ],
    constants: {
      answer: { type: 'float32', dims: [1, answer.length], values: answer },
      columns: { type: 'int64', dims: [1], values: [answer.length] },
    },
  };
}

/** The link: softmax for classes, where two classes are the softmax of (0, log-odds); none for a value. */
function scoresToOutput(task: Task, graph: ScoreGraph): Graph {
  const nodes = [...graph.nodes];
  const constants: Record<string, OnnxTensor> = { ...graph.constants };
  let last = graph.scores;
  if (task === 'binary') {
    constants['zeroAndOne'] = { type: graph.scoresType, dims: [1, 2], values: [0, 1] };
    nodes.push({ op: 'Mul', inputs: [last, 'zeroAndOne'], outputs: ['logits'] });
    last = 'logits';
  }
  if (task !== 'regression') {
    nodes.push({ op: 'Softmax', inputs: [last], outputs: ['probabilities'], attributes: { axis: { int: 1 } } });
    last = 'probabilities';
  }
  // The last node answers under the output's name.
  if (graph.scoresType === 'float64')
    nodes.push({ op: 'Cast', inputs: [last], outputs: [OUTPUT], attributes: { to: { int: FLOAT32 } } });
  else nodes.push({ ...(nodes.pop() as OnnxNode), outputs: [OUTPUT] });
  return { nodes, constants };
}
