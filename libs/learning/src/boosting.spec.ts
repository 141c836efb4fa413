import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type TreesOptions, fitTrees } from './boosting.js';
import { classMetrics, valueMetrics } from './metrics.js';
import { type Dataset, type Task, rowsOf } from './dataset.js';
import { mulberry32 } from './generator.js';
import { meanLossOf } from './losses.js';
import { predictTrees, treesRaw } from './trees-model.js';

const elec2 = readElec2();
const half = { from: 0, to: elec2.rows / 2 };
const rest = { from: elec2.rows / 2, to: elec2.rows };
const golden = JSON.parse(readFileSync(new URL('../testdata/golden/lightgbm.json', import.meta.url), 'utf8')) as {
  cases: { id: string; test: Record<string, number>; train: Record<string, number> }[];
};

describe('boosted trees on real data, against LightGBM', () => {
  it.each([
    ['binary', elec2, {}],
    ['binary_63_bins', elec2, { maxBins: 63 }],
    ['binary_missing', withMissing(elec2), {}],
  ] as const)('are as accurate as LightGBM: %s', (id, data, options) => {
    const { test, train } = expected(id);
    const { tested, trained } = trainedOn('binary', 2, data, options);
    const metrics = classMetrics('binary', tested, rowsOf(data, rest).labels, 2);
    expect(Math.abs(metrics.accuracy! - test['accuracy']!)).toBeLessThan(0.005);
    expect(metrics.logLoss!).toBeLessThan(test['log_loss']! * 1.05);
    expect(meanLossOf('binary', trained, rowsOf(data, half).labels)).toBeLessThan(train['log_loss']! * 1.02);
  });

  it('are as accurate as LightGBM on three classes', () => {
    const data = withLabels(elec2, (demand) => (demand < Math.fround(0.35) ? 0 : demand < 0.5 ? 1 : 2));
    const { test, train } = expected('multiclass');
    const { tested, trained } = trainedOn('multiclass', 3, data, {});
    const metrics = classMetrics('multiclass', tested, rowsOf(data, rest).labels, 3);
    expect(Math.abs(metrics.accuracy! - test['accuracy']!)).toBeLessThan(0.005);
    expect(meanLossOf('multiclass', trained, rowsOf(data, half).labels)).toBeLessThan(train['log_loss']! * 1.02);
  });

  it('are as accurate as LightGBM on a number', () => {
    const data = withLabels(elec2, (demand) => demand);
    const { test, train } = expected('regression');
    const { tested, trained } = trainedOn('regression', undefined, data, {});
    expect(valueMetrics(tested, rowsOf(data, rest).labels).mae!).toBeLessThan(test['mae']! * 1.02);
    expect(valueMetrics(trained, rowsOf(data, half).labels).rmse!).toBeLessThan(train['rmse']! * 1.01);
  });
});

describe('boosted trees', () => {
  const sampled: TreesOptions = { rounds: 12, rowFraction: 0.7, featureFraction: 0.6, maxLeaves: 8, minLeafRows: 5 };

  it.each(['binary', 'multiclass', 'regression'] as const)('give the same bytes again: %s', (task) => {
    const data = drawn(task, 400, 3, 0.1);
    const bytes = (seed: number) => JSON.stringify(fitTrees(task, classesOf(task), sampled, data, undefined, seed));
    expect(bytes(7)).toBe(bytes(7));
    expect(bytes(7)).not.toBe(bytes(8));
  });

  it.each(['binary', 'multiclass', 'regression'] as const)('survive JSON without a change: %s', (task) => {
    const data = drawn(task, 300, 5, 0.1);
    const model = fitTrees(task, classesOf(task), sampled, data, undefined, 1);
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
  });

  it('keep only thresholds that float32 knows, and no tree larger than allowed', () => {
    const model = fitTrees(
      'binary',
      2,
      { rounds: 20, maxLeaves: 6, maxDepth: 3 },
      rowsOf(elec2, { from: 0, to: 2000 }),
      undefined,
      0,
    );
    for (const tree of model.trees) {
      expect(tree.threshold.every((t) => Math.fround(t) === t)).toBe(true);
      expect(tree.feature.filter((f) => f < 0).length).toBeLessThanOrEqual(6);
      expect(depthOf(tree)).toBeLessThanOrEqual(3);
    }
  });

  it('leave at least the stated rows in every leaf', () => {
    const data = drawn('binary', 500, 11, 0.2);
    const model = fitTrees('binary', 2, { rounds: 5, minLeafRows: 30 }, data, undefined, 0);
    for (const tree of model.trees) {
      const alone = { ...model, base: [0], trees: [{ ...tree, value: tree.value.map((_, node) => node) }] };
      const leaves = new Map<number, number>();
      for (const leaf of treesRaw(alone, data.features, data.rows)) leaves.set(leaf, (leaves.get(leaf) ?? 0) + 1);
      expect(Math.min(...leaves.values())).toBeGreaterThanOrEqual(30);
    }
  });

  it('fall, round by round, in the loss they are trained on', () => {
    const data = drawn('multiclass', 500, 2, 0.1);
    const losses = [0, 1, 3, 10, 30].map((rounds) => {
      const model = fitTrees('multiclass', 3, { rounds }, data, undefined, 0);
      return meanLossOf('multiclass', predictTrees(model, data.features, data.rows), data.labels);
    });
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    expect(losses[4]!).toBeLessThan(losses[0]! * 0.8);
  });

  it('predict training rows the same after a monotone change of a feature', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0, 0.15), (seed, missing) => {
        const data = drawn('regression', 200, seed, missing);
        const changed = {
          ...data,
          features: data.features.map((x, i) => (i % 4 === 1 ? Math.fround(x ** 3) : x)),
        };
        const predictions = [data, changed].map((d) =>
          predictTrees(
            fitTrees('regression', undefined, { rounds: 10, minLeafRows: 5 }, d, undefined, 0),
            d.features,
            d.rows,
          ),
        );
        expect(predictions[1]).toEqual(predictions[0]);
      }),
      { numRuns: 20 },
    );
  });

  it('send all rows that miss a feature the same way, and learn which', () => {
    const labels = Float64Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 5 : i % 3));
    const features = Float32Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? NaN : i % 3));
    const data = { features, labels, rows: 300, width: 1 };
    const model = fitTrees('regression', undefined, { rounds: 200 }, data, undefined, 0);
    const [missing, one, two] = predictTrees(model, Float32Array.of(NaN, 1, 2), 3);
    expect(missing).toBeCloseTo(5, 5);
    expect(one).toBeCloseTo(1, 5);
    expect(two).toBeCloseTo(2, 5);
  });

  it('send the missing with the larger side when training saw none', () => {
    const features = Float32Array.from({ length: 100 }, (_, i) => (i < 30 ? 0 : 1));
    const data = { features, labels: Float64Array.from(features), rows: 100, width: 1 };
    const [tree] = fitTrees('regression', undefined, { rounds: 1 }, data, undefined, 0).trees;
    expect(tree!.missingLeft[0]).toBe(false);
    expect(tree!.threshold[0]).toBe(0.5);
  });

  // Midway between neighbours float32 has nothing: it rounds down to the first of these, up from the second.
  it.each([1, 1 + 2 ** -23])('split as training did between neighbouring float32 values, above %p', (low) => {
    const high = low + 2 ** -23;
    const features = Float32Array.from({ length: 80 }, (_, i) => (i % 2 ? high : low));
    const data = { features, labels: Float64Array.from(features, (x) => (x === high ? 1 : 0)), rows: 80, width: 1 };
    const model = fitTrees('binary', 2, { rounds: 50 }, data, undefined, 0);
    const [, atLow, , atHigh] = predictTrees(model, Float32Array.of(low, high), 2);
    expect(atLow!).toBeLessThan(0.05);
    expect(atHigh!).toBeGreaterThan(0.95);
  });

  it('stop early where later rows no longer gain, and keep the best round', () => {
    const train = drawn('regression', 300, 21, 0);
    const validation = drawn('regression', 300, 22, 0);
    const options = { rounds: 400, learningRate: 0.3, minLeafRows: 2 };
    const loss = (rounds: number) => {
      const model = fitTrees('regression', undefined, { ...options, rounds }, train, undefined, 0);
      return meanLossOf('regression', predictTrees(model, validation.features, validation.rows), validation.labels);
    };
    const stopped = fitTrees('regression', undefined, { ...options, earlyStoppingRounds: 10 }, train, validation, 0);
    const kept = stopped.trees.length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(400);
    for (const rounds of [kept - 1, kept + 1, kept + 9, 400]) expect(loss(kept)).toBeLessThanOrEqual(loss(rounds));
  });

  it('have stated results where there is nothing to learn', () => {
    const none = { features: new Float32Array(0), labels: new Float64Array(0), rows: 0, width: 2 };
    const ones = { ...none, features: new Float32Array(6), labels: Float64Array.of(1, 1, 1), rows: 3 };
    const row = new Float32Array(2);
    const says = (task: Task, data: Dataset) => [
      ...predictTrees(fitTrees(task, classesOf(task), {}, data, undefined, 0), row, 1),
    ];
    expect(says('binary', none)).toEqual([0.5, 0.5]);
    expect(says('regression', none)).toEqual([0]);
    expect(says('binary', ones)[1]).toBeCloseTo(3 / 3.5, 12);
    expect(says('multiclass', ones)[1]).toBeCloseTo(3 / 4, 12);
    expect(says('regression', { ...ones, labels: Float64Array.of(0.1, 0.1, 0.1) })).toEqual([0.1]);
    const constantFeatures = {
      features: new Float32Array(200),
      labels: drawn('binary', 100, 1, 0).labels,
      rows: 100,
      width: 2,
    };
    expect(fitTrees('binary', 2, {}, constantFeatures, undefined, 0).trees).toEqual([]);
  });

  it('never give a NaN, whatever finite rows they saw', () => {
    const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1, NaN));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, value, fc.double({ min: -1e100, max: 1e100, noNaN: true })), { maxLength: 40 }),
        fc.array(value, { minLength: 8, maxLength: 8 }),
        fc.constantFrom('binary', 'multiclass', 'regression'),
        (rows, asked, task) => {
          const labels = Float64Array.from(rows, ([, , y]) =>
            task === 'regression' ? y : Math.floor(Math.abs(y) % (task === 'binary' ? 2 : 3)),
          );
          const data = {
            features: Float32Array.from(rows.flatMap(([a, b]) => [a, b])),
            labels,
            rows: rows.length,
            width: 2,
          };
          const model = fitTrees(
            task,
            classesOf(task),
            { rounds: 5, minLeafRows: 1, minLeafHessian: 0 },
            data,
            undefined,
            0,
          );
          expect(predictTrees(model, Float32Array.from(asked), 4).every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('refuse what they cannot learn from', () => {
    const data = drawn('binary', 50, 1, 0);
    const refuses = (change: Partial<Dataset>, options: TreesOptions = {}) =>
      expect(() => fitTrees('binary', 2, options, { ...data, ...change }, undefined, 0)).toThrow(RangeError);
    refuses({ labels: data.labels.map((y) => y + 1) });
    refuses({ features: data.features.map((x, i) => (i === 3 ? Infinity : x)) });
    refuses({ rows: 49 });
    refuses({}, { maxBins: 256 });
    refuses({}, { rowFraction: 0 });
    expect(() => fitTrees('multiclass', undefined, {}, data, undefined, 0)).toThrow(RangeError);
  });
});

function trainedOn(task: Task, classes: number | undefined, data: Dataset, options: TreesOptions) {
  const train = rowsOf(data, half);
  const test = rowsOf(data, rest);
  const model = fitTrees(task, classes, options, train, undefined, 1);
  return {
    tested: predictTrees(model, test.features, test.rows),
    trained: predictTrees(model, train.features, train.rows),
  };
}

function expected(id: string) {
  return golden.cases.find((one) => one.id === id)!;
}

function classesOf(task: Task): number | undefined {
  return { binary: 2, multiclass: 3, regression: undefined }[task];
}

/** Four features, a target that depends on two of them and on chance, a share of the values missing. */
function drawn(task: Task, rows: number, seed: number, missing: number): Dataset {
  const random = mulberry32(seed);
  const features = new Float32Array(rows * 4);
  const labels = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let f = 0; f < 4; f++) features[row * 4 + f] = random();
    const target = 2 * features[row * 4]! + features[row * 4 + 1]! + random() - 0.5;
    labels[row] =
      task === 'regression'
        ? target
        : task === 'binary'
          ? Number(target > 1.5)
          : Math.max(0, Math.min(2, Math.floor(target)));
    for (let f = 0; f < 4; f++) if (random() < missing) features[row * 4 + f] = NaN;
  }
  return { features, labels, rows, width: 4 };
}

function depthOf(tree: { left: number[]; right: number[] }, node = 0): number {
  const left = tree.left[node]!;
  return left < 0 ? 0 : 1 + Math.max(depthOf(tree, left), depthOf(tree, tree.right[node]!));
}

function withMissing(data: Dataset): Dataset {
  const features = data.features.slice();
  for (let row = 0; row < data.rows; row++) if ((row * 7919) % 10 < 3) features[row * 6 + (row % 6)] = NaN;
  return { ...data, features };
}

/** nswdemand becomes the label, the other five features stay. */
function withLabels(data: Dataset, labelOf: (demand: number) => number): Dataset {
  const features = data.features.filter((_, i) => i % 6 !== 2);
  const labels = Float64Array.from({ length: data.rows }, (_, row) => labelOf(data.features[row * 6 + 2]!));
  return { features, labels, rows: data.rows, width: 5 };
}

function readElec2(): Dataset {
  const file = new URL('../../../examples/data/elec2.csv.gz', import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n').slice(1);
  const cells = lines.map((line) => line.split(',').map(Number));
  return {
    features: Float32Array.from(cells.flatMap((row) => row.slice(0, 6))),
    labels: Float64Array.from(cells, (row) => row[6]!),
    rows: lines.length,
    width: 6,
  };
}
