import fc from 'fast-check';
import { fit, type TrainerSpec } from './fit.js';
import { mulberry32 } from './generator.js';
import { explainLinear } from './linear-explainer.js';
import { linearRaw, type LinearModel } from './linear.js';
import { ShapleyPlan } from './shapley-plan.js';
import { TreeExplainer } from './tree-explainer.js';
import { treesRaw, type TreesModel } from './trees-model.js';

const WIDTH = 4;
const TASKS = ['binary', 'multiclass', 'regression'] as const;

/** Rows with missing values, labels of three kinds that depend on pairs of features. */
function drawn(rows: number, seed: number) {
  const random = mulberry32(seed);
  const features = Float32Array.from({ length: rows * WIDTH }, () => (random() < 0.1 ? NaN : random() * 2 - 1));
  const at = (row: number, f: number) => features[row * WIDTH + f]! || 0;
  const score = Float64Array.from({ length: rows }, (_, row) => at(row, 0) * at(row, 1) + at(row, 2));
  return { features, rows, width: WIDTH, score };
}

const train = drawn(400, 1);
const some = drawn(12, 2);
const background = { features: drawn(9, 3).features, rows: 9 };

function fitted(task: (typeof TASKS)[number], kind: 'trees' | 'linear') {
  const labels = train.score.map((score) =>
    task === 'regression' ? score : task === 'binary' ? Number(score > 0) : score < -0.3 ? 0 : score < 0.3 ? 1 : 2,
  );
  const spec = { kind, task, classes: task === 'multiclass' ? 3 : task === 'binary' ? 2 : 1 };
  const settings = kind === 'trees' ? { ...spec, rounds: 12, maxLeaves: 8 } : spec;
  return fit(
    (task === 'regression' ? { ...settings, classes: undefined } : settings) as TrainerSpec,
    { ...train, labels },
    undefined,
    1,
  );
}

/** Before the link, as contributions add up to it. */
function scoresOf(model: TreesModel | LinearModel, features: Float32Array, rows: number): Float64Array {
  return model.kind === 'trees' ? treesRaw(model, features, rows) : linearRaw(model, features, rows);
}

/** What a plan that scores everything makes of one row. */
function exactly(model: TreesModel | LinearModel, row: number) {
  const plan = new ShapleyPlan(some.features.subarray(row * WIDTH, (row + 1) * WIDTH), background, { method: 'exact' });
  const scores = scoresOf(model, Float32Array.from(plan.inputs), plan.count);
  return plan.explain(scores, scores.length / plan.count);
}

describe.each(TASKS)('contributions to a %s model', (task) => {
  const trees = fitted(task, 'trees') as TreesModel;
  const linear = fitted(task, 'linear') as LinearModel;

  it.each([
    ['trees, path-dependent', trees, TreeExplainer.fromRows(trees, background).explain(some.features, some.rows)],
    ['trees, interventional', trees, TreeExplainer.interventional(trees, background).explain(some.features, some.rows)],
    ['linear', linear, explainLinear(linear, some.features, some.rows, background)],
  ] as const)('add up to the score: %s', (_, model, { expected, contributions }) => {
    const scores = scoresOf(model, some.features, some.rows);
    const outputs = expected.length;
    scores.forEach((score, i) => {
      const own = contributions.subarray(i * WIDTH, (i + 1) * WIDTH);
      expect(own.reduce((sum, part) => sum + part, expected[i % outputs]!)).toBeCloseTo(score, 9);
    });
    expect(contributions.some((part) => Math.abs(part) > 0.01)).toBe(true);
  });

  it.each([
    ['trees', trees, TreeExplainer.interventional(trees, background).explain(some.features, some.rows)],
    ['linear', linear, explainLinear(linear, some.features, some.rows, background)],
  ] as const)('are what scoring every coalition gives: %s', (_, model, { expected, contributions }) => {
    const each = expected.length * WIDTH;
    for (let row = 0; row < some.rows; row += 1) {
      const all = exactly(model, row);
      expectNear(all.expected, expected);
      expectNear(all.contributions, contributions.subarray(row * each, (row + 1) * each));
    }
  });

  it('split into interactions that are even and sum to them', () => {
    const explainer = TreeExplainer.interventional(trees, background);
    const { contributions } = explainer.explain(some.features, some.rows);
    const matrix = explainer.interactions(some.features, some.rows);
    contributions.forEach((part, i) => {
      expect(matrix.subarray(i * WIDTH, (i + 1) * WIDTH).reduce((sum, one) => sum + one, 0)).toBeCloseTo(part, 9);
      const square = Math.floor(i / WIDTH) * WIDTH * WIDTH;
      for (let f = 0; f < WIDTH; f += 1) {
        expect(matrix[square + (i % WIDTH) * WIDTH + f]).toBeCloseTo(matrix[square + f * WIDTH + (i % WIDTH)]!, 9);
      }
    });
  });
});

describe('ShapleyPlan', () => {
  const rows = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 12, maxLength: 12 });

  it('by orders is exact where features do not interact, and adds up where they do', () => {
    fc.assert(
      fc.property(
        rows,
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 4, maxLength: 4 }),
        (values, x) => {
          const usual = { features: values, rows: 3 };
          const scored = (plan: ShapleyPlan, score: (row: Float64Array) => number) =>
            plan.explain(Array.from({ length: plan.count }, (_, i) => score(plan.inputs.subarray(i * 4, i * 4 + 4))));
          const plan = new ShapleyPlan(x, usual, { method: 'permutation', orders: 3, seed: 9 });
          const sum = scored(plan, (row) => row[0]! - 2 * row[1]! + row[3]!);
          const exact = scored(new ShapleyPlan(x, usual), (row) => row[0]! - 2 * row[1]! + row[3]!);
          expectNear(sum.contributions, exact.contributions);
          const product = scored(plan, (row) => row[0]! * row[1]! * row[2]!);
          const whole = product.contributions.reduce((total, part) => total + part, product.expected[0]!);
          expect(Math.abs(whole - x[0]! * x[1]! * x[2]!)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  it('refuses what cannot be explained', () => {
    expect(() => new ShapleyPlan([1, 2], { features: [1], rows: 1 })).toThrow(/1 rows of 2 features/);
    expect(() => new ShapleyPlan([1], { features: [], rows: 0 })).toThrow(RangeError);
    expect(() => new ShapleyPlan(new Float64Array(17), background, { method: 'exact' })).toThrow(RangeError);
    const plan = new ShapleyPlan([1], { features: [2], rows: 1 });
    expect(() => plan.explain([1, NaN])).toThrow(/finite/);
    expect(() => plan.explain([1])).toThrow(/2 rows of 1 scores/);
  });
});

function expectNear(ours: Float64Array, theirs: Float64Array): void {
  expect(ours).toHaveLength(theirs.length);
  ours.forEach((value, i) => expect(Math.abs(value - theirs[i]!)).toBeLessThan(1e-9));
}
