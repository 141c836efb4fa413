import type { LinearModel, Tree, TreesModel } from '@gyre/learning';
import type { OnnxAttribute, OnnxGraph, OnnxNode } from '@gyre/model-runtime';

/** How scores become the model's answer: by a softmax of (0, score), a softmax of the scores, or not at all. */
export type Link = 'sigmoid' | 'softmax' | 'none';

/** A model whose graph can be read, so that its explanation needs no guessing. */
export type ReadableModel =
  | {
      readonly kind: 'trees';
      readonly link: Link;
      readonly model: Pick<TreesModel, 'width' | 'base' | 'trees'>;
      /** Of each tree, how many training rows came to each node; null where the file does not say. */
      readonly covers: readonly (readonly number[])[] | null;
    }
  | {
      readonly kind: 'linear';
      readonly link: Link;
      readonly model: Pick<LinearModel, 'width' | 'mean' | 'weights' | 'intercept'>;
    }
  /** The same answer for every row. */
  | { readonly kind: 'constant' };

/**
 * Reads what Gyre's trainer writes: boosted trees, a linear model, or a constant. It goes by the operators alone, so a file of the same operators from
 * elsewhere means the same.
 *
 * @param width features of a row
 * @returns null for any other graph
 */
export function readableModel({ nodes, constants }: OnnxGraph, width: number): ReadableModel | null {
  const operators = nodes.map(({ op }) => op).filter((op) => op !== 'Cast');
  const [link, kind] = [linkOf(operators), operators.filter((op) => !LINKS.has(op)).join(' ')];
  if (kind === 'Shape Concat Expand') return { kind: 'constant' };
  if (link === null) return null;
  if (kind === 'TreeEnsembleRegressor') {
    const trees = treesOf(nodes.find(({ op }) => op === 'TreeEnsembleRegressor') as OnnxNode, width);
    return trees === null ? null : { kind: 'trees', link, ...trees };
  }
  if (kind !== 'IsNaN Where Gemm') return null;
  const [mean, weights, intercept] = ['mean', 'weights', 'intercept'].map((name) => constants[name]?.values);
  if (mean === undefined || weights === undefined || intercept === undefined) return null;
  if (mean.length !== width || weights.length !== width * intercept.length) return null;
  const rows = Array.from(intercept, (_, k) =>
    Array.from({ length: width }, (_w, f) => weights[k * width + f] as number),
  );
  return {
    kind: 'linear',
    link,
    model: { width, mean: Array.from(mean), weights: rows, intercept: Array.from(intercept) },
  };
}

const LINKS: ReadonlySet<string> = new Set(['Mul', 'Softmax']);

function linkOf(operators: readonly string[]): Link | null {
  const link = operators.filter((op) => LINKS.has(op)).join(' ');
  if (link === 'Mul Softmax') return 'sigmoid';
  if (link === 'Softmax') return 'softmax';
  return link === '' ? 'none' : null;
}

type Trees = Pick<Extract<ReadableModel, { kind: 'trees' }>, 'model' | 'covers'>;

/** @see https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html, version 3 */
function treesOf({ attributes = {} }: OnnxNode, width: number): Trees | null {
  // Sums of leaves alone: other aggregates and what may come after them mean something else.
  if ('post_transform' in attributes || 'aggregate_function' in attributes) return null;
  const ints = (name: string): readonly number[] => intsIn(attributes[name]);
  const modes = attributes['nodes_modes'];
  if (modes === undefined || !('strings' in modes)) return null;
  if (modes.strings.some((mode) => mode !== 'LEAF' && mode !== 'BRANCH_LEQ')) return null;
  const base = doubles(attributes['base_values_as_tensor']);
  const thresholds = doubles(attributes['nodes_values_as_tensor']);
  const values = doubles(attributes['target_weights_as_tensor']);
  if (base === null || thresholds === null || values === null) return null;
  const rates = doubles(attributes['nodes_hitrates_as_tensor']);
  const [treeIds, nodeIds, features] = [ints('nodes_treeids'), ints('nodes_nodeids'), ints('nodes_featureids')];
  const [lefts, rights] = [ints('nodes_truenodeids'), ints('nodes_falsenodeids')];
  const missing = ints('nodes_missing_value_tracks_true');
  const trees = new Map<number, Tree & { cover: number[] }>();
  treeIds.forEach((id, n) => {
    const tree = trees.get(id) ?? { ...emptyTree(), cover: [] };
    trees.set(id, tree);
    const [node, isLeaf] = [nodeIds[n] as number, modes.strings[n] === 'LEAF'];
    tree.feature[node] = isLeaf ? -1 : (features[n] as number);
    tree.threshold[node] = thresholds[n] as number;
    tree.left[node] = isLeaf ? -1 : (lefts[n] as number);
    tree.right[node] = isLeaf ? -1 : (rights[n] as number);
    tree.missingLeft[node] = missing[n] === 1;
    tree.value[node] = 0;
    tree.cover[node] = rates?.[n] ?? 0;
  });
  const outputs = new Map<number, number>();
  const targets = ints('target_ids');
  const leafNodes = ints('target_nodeids');
  ints('target_treeids').forEach((id, i) => {
    const tree = trees.get(id);
    if (tree === undefined) return;
    tree.value[leafNodes[i] as number] = values[i] as number;
    outputs.set(id, targets[i] as number);
  });
  const all = [...trees].map(([id, tree]) => ({ ...tree, output: outputs.get(id) ?? 0 }));
  return { model: { width, base, trees: all }, covers: rates === null ? null : all.map(({ cover }) => cover) };
}

function emptyTree(): Tree {
  return { output: 0, feature: [], threshold: [], left: [], right: [], missingLeft: [], value: [] };
}

function intsIn(attribute: OnnxAttribute | undefined): readonly number[] {
  return attribute !== undefined && 'ints' in attribute ? attribute.ints : [];
}

function doubles(attribute: OnnxAttribute | undefined): number[] | null {
  return attribute !== undefined && 'tensor' in attribute ? Array.from(attribute.tensor.values) : null;
}
