import {
  explainLinear,
  ShapleyPlan,
  TreeExplainer,
  type Background,
  type Explanation,
  type Tree,
} from '@gyre/learning';
import { expectLeaves, expectValue, numberOf, type Claim, type GoldenCase } from './vectors.js';

interface Node {
  v?: number;
  f: number;
  t: number;
  n: number;
  default_left?: boolean;
  missing?: string;
  l: Node;
  r: Node;
}
interface TreesCase extends GoldenCase {
  model: { base: number; trees: Node[] };
  x: unknown[][];
  background?: unknown[][];
  expected: Record<string, unknown>;
}

/** The header's: 1e-6 of SHAP values of models, 1e-10 of exact ones. */
const ofModels = { relative: 0, absolute: 1e-6 };
const exact = { relative: 0, absolute: 1e-10 };

/** What we make of a case, by the names the files have for it. */
function shown({ expected, contributions }: Explanation, width: number): Record<string, unknown> {
  const rows = contributions.length / width;
  return {
    expected_value: expected[0],
    shap_values: Array.from({ length: rows }, (_, row) => contributions.slice(row * width, (row + 1) * width)),
    prediction: Array.from({ length: rows }, (_, row) => {
      return contributions.slice(row * width, (row + 1) * width).reduce((sum, part) => sum + part, expected[0]!);
    }),
  };
}

/** Trees of LightGBM and scikit-learn, explained by shap's TreeExplainer. Expected and found values add up to the prediction. */
const trees: Claim = {
  claims: (one) => ofKind(one, ['tree', 'tree_path_dependent', 'tree_interventional']) && 'model' in one,
  check(golden) {
    const { model: given, x, background, expected, kind } = golden as TreesCase;
    const width = x[0]!.length;
    const flat = given.trees.map(flattened);
    const model = { width, base: [given.base], trees: flat.map(({ tree }) => tree) };
    const rows = rowsOf(x);
    const pathDependent = TreeExplainer.pathDependent(
      model,
      flat.map(({ cover }) => cover),
    );
    const explained = (explainer: TreeExplainer) => shown(explainer.explain(rows, x.length), width);
    const interventional = () =>
      explained(TreeExplainer.interventional(model, { features: rowsOf(background!), rows: background!.length }));
    const own = kind === 'tree_interventional' ? interventional() : explained(pathDependent);
    const interactions = (count: number) => {
      const matrix = pathDependent.interactions(rows, x.length);
      const line = (row: number, f: number) => matrix.slice((row * width + f) * width, (row * width + f + 1) * width);
      return Array.from({ length: count }, (_, row) => Array.from({ length: width }, (_f, f) => line(row, f)));
    };
    const ours = (path: string): unknown => {
      const [group = '', name = ''] = path.split('.');
      if (group === 'path_dependent') return explained(pathDependent)[name];
      if (group === 'interventional') return interventional()[name];
      const firstRows = /^interaction_values_first_(\d+)_rows$/.exec(group)?.[1];
      if (firstRows !== undefined) return interactions(Number(firstRows));
      if (group === 'raw_score') return own['prediction'];
      if (group === 'probability') return (own['prediction'] as number[]).map((score) => 1 / (1 + Math.exp(-score)));
      return own[group];
    };
    expectLeaves(expected, ours, () => ofModels, differences);
  },
};

const linear: Claim = {
  claims: (one) => ofKind(one, ['linear']) && 'model' in one && 'background' in one,
  check(golden) {
    const { model, x, background, expected } = golden as GoldenCase & {
      model: { weights: number[]; intercept: number };
      x: number[][];
      background: number[][];
      expected: Record<string, unknown>;
    };
    const width = model.weights.length;
    const explanation = explainLinear(
      { width, mean: model.weights.map(() => 0), weights: [model.weights], intercept: [model.intercept] },
      x.flat(),
      x.length,
      { features: background.flat(), rows: background.length },
    );
    const ours = shown(explanation, width);
    expectLeaves(
      expected,
      (path) => ours[path],
      () => ofModels,
      differences,
    );
  },
};

/** Functions of a few features, of which all coalitions are scored; and by all orders of features, which comes to the same. */
const functions: Claim = {
  claims: (one) => ofKind(one, ['exact_shapley']) && 'function' in one,
  check(golden) {
    const {
      function: formula,
      x,
      background,
      expected,
    } = golden as GoldenCase & {
      function: string;
      x: number[][];
      background: number[][];
      expected: Record<string, unknown>;
    };
    const score = functionOf(formula);
    const width = x[0]!.length;
    const against: Background = { features: background.flat(), rows: background.length };
    const explain = (row: number[], method: 'exact' | 'permutation') => {
      const plan = new ShapleyPlan(row, against, { method, orders: 400 });
      const scores = Array.from({ length: plan.count }, (_, i) =>
        score(plan.inputs.subarray(i * width, (i + 1) * width)),
      );
      return shown(plan.explain(scores), width);
    };
    const each = x.map((row) => explain(row, 'exact'));
    const ours: Record<string, unknown> = {
      expected_value: each[0]!['expected_value'],
      shap_values: each.map((one) => (one['shap_values'] as unknown[])[0]),
      prediction: each.map((one) => (one['prediction'] as unknown[])[0]),
    };
    expectLeaves(
      expected,
      (path) => ours[path],
      () => exact,
      differences,
    );
    const estimated = explain(x[0]!, 'permutation');
    expectValue('permutation', estimated['shap_values'], [(expected['shap_values'] as unknown[])[0]], {
      relative: 0,
      absolute: 0.1,
    });
    expectValue('permutation', estimated['prediction'], [score(x[0]!)], exact);
  },
};

export const shapCases: Claim[] = [trees, linear, functions];

function ofKind({ kind, expected }: GoldenCase, kinds: string[]): boolean {
  return kind !== undefined && kinds.includes(kind) && expected !== undefined;
}

/** How much other explainers of the library differ from it. */
function differences(path: string): boolean {
  return path.endsWith('_max_abs_difference');
}

function rowsOf(rows: unknown[][]): number[] {
  return rows.flat().map((value) => numberOf(value) as number);
}

function flattened(root: Node): { tree: Tree; cover: number[] } {
  const tree = { output: 0, feature: [], threshold: [], left: [], right: [], missingLeft: [], value: [] } as Tree;
  const cover: number[] = [];
  const visit = (node: Node): number => {
    const at = cover.push(node.n) - 1;
    const leaf = node.v !== undefined;
    tree.feature.push(leaf ? -1 : node.f);
    tree.threshold.push(leaf ? 0 : node.t);
    tree.value.push(node.v ?? 0);
    // LightGBM takes a missing value for 0 where training saw none.
    tree.missingLeft.push(!leaf && (node.missing === 'NaN' ? node.default_left === true : 0 <= node.t));
    tree.left.push(-1);
    tree.right.push(-1);
    if (!leaf) {
      tree.left[at] = visit(node.l);
      tree.right[at] = visit(node.r);
    }
    return at;
  };
  visit(root);
  return { tree, cover };
}

/** @throws unless the formula is arithmetic of x0, x1, … and well-known functions */
function functionOf(formula: string): (x: ArrayLike<number>) => number {
  const known = /^(?:\s|x\d+|\d+(?:\.\d+)?|[-+*/^(),]|max|min|abs|exp|log|sqrt|sin|cos|tanh)+$/;
  if (!known.test(formula)) throw new Error(`not arithmetic: ${formula}`);
  const script = formula
    .replace(/\^/g, '**')
    .replace(/x(\d+)/g, 'x[$1]')
    .replace(/[a-z]{3,}/g, 'Math.$&');
  return new Function('x', `return ${script}`) as (x: ArrayLike<number>) => number;
}
