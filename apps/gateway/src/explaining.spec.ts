import { readFileSync } from 'node:fs';
import { encodeOnnx, type OnnxAttribute, type OnnxModelParts } from '@gyre/model-runtime';
import { ExplainableModel, type ExplainResult, type ExplainTask, type TensorRows } from './explaining.js';

/** A node of shap's and LightGBM's trees, as shap.json has it: `n` rows of training came to it. */
interface Node {
  f: number;
  t: number;
  v?: number;
  n: number;
  default_left?: boolean;
  missing?: string;
  l: Node;
  r: Node;
}
interface Case {
  id: string;
  kind: string;
  model: { base: number; trees: Node[]; weights: number[]; intercept: number };
  x: (number | 'NaN')[][];
  background: number[][];
  expected: Record<string, unknown> & {
    path_dependent?: Shap;
    interventional?: Shap;
    probability?: number[];
  };
}
interface Shap {
  shap_values: number[][];
  expected_value: number;
}

const golden = JSON.parse(
  readFileSync(new URL('../../../libs/drift/testdata/golden/shap.json', import.meta.url), 'utf8'),
) as { cases: Case[] };
const caseOf = (id: string): Case => golden.cases.find((one) => one.id === id) as Case;

const float64 = (values: readonly number[]): OnnxAttribute => ({
  tensor: { type: 'float64', dims: [values.length], values },
});

/** The trees of a case as an ONNX file, with the rows that came to each node where they are told. */
function treesFile({ model: { base, trees }, x }: Case, { link = false, covers = true } = {}): Uint8Array {
  const rows: { tree: number; id: number; node: Node; l: number; r: number }[] = [];
  trees.forEach((root, tree) => {
    let next = 0;
    const visit = (node: Node): number => {
      const row = { tree, id: next++, node, l: 0, r: 0 };
      rows.push(row);
      if (node.v === undefined) [row.l, row.r] = [visit(node.l), visit(node.r)];
      return row.id;
    };
    visit(root);
  });
  const isLeaf = ({ v }: Node): boolean => v !== undefined;
  // Without a kind of missing values they are taken for 0.
  const missingLeft = ({ missing, default_left, t }: Node): boolean =>
    missing === 'NaN' ? default_left === true : 0 <= t;
  const leaves = rows.filter(({ node }) => isLeaf(node));
  const attributes: Record<string, OnnxAttribute> = {
    n_targets: { int: 1 },
    base_values_as_tensor: float64([base]),
    nodes_treeids: { ints: rows.map(({ tree }) => tree) },
    nodes_nodeids: { ints: rows.map(({ id }) => id) },
    nodes_featureids: { ints: rows.map(({ node }) => (isLeaf(node) ? 0 : node.f)) },
    nodes_values_as_tensor: float64(rows.map(({ node }) => (isLeaf(node) ? 0 : node.t))),
    nodes_modes: { strings: rows.map(({ node }) => (isLeaf(node) ? 'LEAF' : 'BRANCH_LEQ')) },
    nodes_truenodeids: { ints: rows.map(({ l }) => l) },
    nodes_falsenodeids: { ints: rows.map(({ r }) => r) },
    nodes_missing_value_tracks_true: { ints: rows.map(({ node }) => (!isLeaf(node) && missingLeft(node) ? 1 : 0)) },
    target_treeids: { ints: leaves.map(({ tree }) => tree) },
    target_nodeids: { ints: leaves.map(({ id }) => id) },
    target_ids: { ints: leaves.map(() => 0) },
    target_weights_as_tensor: float64(leaves.map(({ node }) => node.v as number)),
    ...(covers ? { nodes_hitrates_as_tensor: float64(rows.map(({ node }) => node.n)) } : {}),
  };
  const tree = { op: 'TreeEnsembleRegressor', domain: 'ai.onnx.ml', inputs: ['wide'], attributes };
  const cast = { op: 'Cast', inputs: ['features'], outputs: ['wide'], attributes: { to: { int: 11 } } };
  return file(
    link
      ? [
          cast,
          { ...tree, outputs: ['score'] },
          { op: 'Mul', inputs: ['score', 'zeroAndOne'], outputs: ['logits'] },
          { op: 'Softmax', inputs: ['logits'], outputs: ['output'], attributes: { axis: { int: 1 } } },
        ]
      : [cast, { ...tree, outputs: ['output'] }],
    x[0]?.length ?? 0,
    link ? 2 : 1,
    { zeroAndOne: { type: 'float32', dims: [1, 2], values: [0, 1] } },
  );
}

function file(
  nodes: OnnxModelParts['nodes'],
  width: number,
  outputs: number,
  constants: OnnxModelParts['constants'],
): Uint8Array {
  return encodeOnnx({
    name: 'golden',
    inputs: [{ name: 'features', type: 'float32', dims: ['N', width] }],
    outputs: [{ name: 'output', type: 'float32', dims: ['N', outputs] }],
    nodes,
    constants,
    opsets: { '': 17, 'ai.onnx.ml': 3 },
    metadata: {},
  });
}

/** softmax(x W + b): a graph that nobody reads. */
const dense = file(
  [
    { op: 'Gemm', inputs: ['features', 'w', 'b'], outputs: ['logits'] },
    { op: 'Tanh', inputs: ['logits'], outputs: ['bent'] },
    { op: 'Softmax', inputs: ['bent'], outputs: ['output'], attributes: { axis: { int: 1 } } },
  ],
  12,
  3,
  {
    w: { type: 'float32', dims: [12, 3], values: Array.from({ length: 36 }, (_, i) => Math.sin(i * 7)) },
    b: { type: 'float32', dims: [3], values: [0.1, -0.2, 0.3] },
  },
);

const rowsOf = (rows: readonly (readonly (number | 'NaN')[])[]): TensorRows => {
  const data = Float32Array.from(rows.flat(), Number);
  return { rows: rows.length, values: [{ type: 'float32', dims: [rows.length, rows[0]?.length ?? 0], data }] };
};
const explain = (bytes: Uint8Array, rows: TensorRows, more: Partial<ExplainTask> = {}): ExplainResult => {
  const model = new ExplainableModel(bytes);
  try {
    const task = { background: null, orders: 10, seed: 1, evaluationsMax: 1_000_000, deadlineAt: Infinity };
    return model.explain({ rows, ...task, ...more });
  } finally {
    model.dispose();
  }
};
function expectNear(ours: ArrayLike<number>, theirs: readonly number[], within = 1e-6): void {
  expect(ours).toHaveLength(theirs.length);
  theirs.forEach((value, i) => expect(Math.abs((ours[i] as number) - value)).toBeLessThan(within));
}
/** Base plus contributions, by row and output. */
const sums = ({ base, contributions }: ExplainResult): number[] => {
  const cells = contributions.length / base.length;
  return Array.from(base, (start, i) =>
    contributions.subarray(i * cells, (i + 1) * cells).reduce((sum, part) => sum + part, start),
  );
};

describe('an explanation of an ONNX file', () => {
  it('is shap’s, path-dependent, for trees that say how many rows came to each node', () => {
    for (const id of ['lightgbm_regression', 'lightgbm_binary_missing', 'sklearn_gbdt_regression']) {
      const one = caseOf(id);
      const found = explain(treesFile(one), rowsOf(one.x));
      const expected = one.expected.path_dependent ?? (one.expected as unknown as Shap);
      expect(found).toMatchObject({ method: 'tree-path-dependent', space: 'value' });
      expectNear(found.contributions, expected.shap_values.flat());
      expectNear(
        found.base,
        one.x.map(() => expected.expected_value),
      );
      expectNear(sums(found), [...found.prediction]);
    }
  });

  it('of a classifier is in log-odds, whose probability is the model’s', () => {
    const one = caseOf('lightgbm_binary_missing');
    const found = explain(treesFile(one, { link: true }), rowsOf(one.x));
    expect(found.space).toBe('log-odds');
    expectNear(found.contributions, (one.expected as unknown as Shap).shap_values.flat());
    const probabilities = sums(found).map((score) => 1 / (1 + Math.exp(-score)));
    expectNear(probabilities, one.expected.probability as number[]);
    expectNear(
      probabilities,
      [...found.prediction].filter((_, i) => i % 2 === 1),
    );
  });

  it('is shap’s, interventional, where rows are brought to compare with; and those are needed where the file says nothing', () => {
    const one = caseOf('sklearn_gbdt_regression');
    const expected = one.expected.interventional as Shap;
    for (const covers of [true, false]) {
      const found = explain(treesFile(one, { covers }), rowsOf(one.x), { background: rowsOf(one.background) });
      expect(found.method).toBe('tree-interventional');
      expectNear(found.contributions, expected.shap_values.flat());
      expectNear(sums(found), [...found.prediction]);
    }
    expect(() => explain(treesFile(one, { covers: false }), rowsOf(one.x))).toThrow(
      expect.objectContaining({ code: 'BACKGROUND_MISSING' }),
    );
  });

  it('is shap’s for linear models', () => {
    const one = caseOf('linear_independent');
    const { weights, intercept } = one.model;
    const bytes = file(
      [
        { op: 'Cast', inputs: ['features'], outputs: ['wide'], attributes: { to: { int: 11 } } },
        { op: 'IsNaN', inputs: ['wide'], outputs: ['missing'] },
        { op: 'Where', inputs: ['missing', 'mean', 'wide'], outputs: ['filled'] },
        { op: 'Gemm', inputs: ['filled', 'weights', 'intercept'], outputs: ['s'], attributes: { transB: { int: 1 } } },
        { op: 'Cast', inputs: ['s'], outputs: ['output'], attributes: { to: { int: 1 } } },
      ],
      4,
      1,
      {
        mean: { type: 'float64', dims: [1, 4], values: [0, 0, 0, 0] },
        weights: { type: 'float64', dims: [1, 4], values: weights },
        intercept: { type: 'float64', dims: [1], values: [intercept] },
      },
    );
    const found = explain(bytes, rowsOf(one.x), { background: rowsOf(one.background) });
    expect(found.method).toBe('linear');
    expectNear(found.contributions, (one.expected as unknown as Shap).shap_values.flat());
    expectNear(sums(found), [...found.prediction]);
  });

  it('of any other graph adds up to its probabilities, and many orders come near to all coalitions', () => {
    const draw = (seed: number) => Array.from({ length: 12 }, (_, f) => Math.cos(seed * 31 + f * 5));
    const [rows, background] = [rowsOf([draw(1), draw(2)]), rowsOf([3, 4, 5, 6].map(draw))];
    const few = explain(dense, rows, { background, orders: 4 });
    expect(few).toMatchObject({ method: 'permutation', evaluations: 2 * 4 * 13 * 4, space: 'value' });
    expectNear(sums(few), [...few.prediction]);
    const first = { ...rowsOf([draw(1).slice(0, 12)]) };
    const [a, b] = [1, 2].map((seed) => explain(dense, first, { background, orders: 2_000, seed }));
    expectNear(a!.contributions, [...b!.contributions], 5e-3);
    expect(explain(dense, first, { background, orders: 4, seed: 9 })).toEqual(
      explain(dense, first, { background, orders: 4, seed: 9 }),
    );
  });

  it('is refused where it is too much work, and given up at its deadline', () => {
    const row = rowsOf([new Array<number>(12).fill(0.5)]);
    expect(() => explain(dense, row, { background: row, orders: 1_000, evaluationsMax: 999 })).toThrow(
      expect.objectContaining({
        code: 'EXPLANATION_TOO_LARGE',
        message: expect.stringContaining('13000 rows') as string,
      }),
    );
    const late = expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }) as unknown as Error;
    expect(() => explain(dense, row, { background: row, deadlineAt: 1 })).toThrow(late);
    const trees = caseOf('sklearn_gbdt_regression');
    const [rows, background] = [rowsOf(trees.x), rowsOf(trees.background)];
    const all = rows.rows * background.rows * trees.model.trees.length;
    expect(explain(treesFile(trees), rows, { background, evaluationsMax: all }).evaluations).toBe(all);
    expect(() => explain(treesFile(trees), rows, { background, evaluationsMax: all - 1 })).toThrow(
      expect.objectContaining({ code: 'EXPLANATION_TOO_LARGE' }),
    );
    for (const usual of [background, null])
      expect(() => explain(treesFile(trees), rows, { background: usual, deadlineAt: 1 })).toThrow(late);
  });
});
