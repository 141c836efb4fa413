import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { Dataset, Task } from './dataset.js';
import { mulberry32 } from './generator.js';
import { fitLinear, predictLinear } from './linear.js';

interface LinearGolden {
  rows: number;
  width: number;
  features: (number | null)[];
  cases: {
    id: string;
    task: Task;
    classes: number;
    l2: number;
    labels: number[];
    expected: { weights: number[][]; intercept: number[]; mean: number[]; scale: number[]; predictions: number[][] };
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../testdata/golden/linear.json', import.meta.url), 'utf8'),
) as LinearGolden;
const features = Float32Array.from(golden.features, (x) => x ?? NaN);

describe('linear models', () => {
  it.each(golden.cases)('agree with scikit-learn: $id', ({ task, classes, l2, labels, expected }) => {
    const data = { features, labels: Float64Array.from(labels), rows: golden.rows, width: golden.width };
    const model = fitLinear(task, task === 'regression' ? undefined : classes, { l2, tolerance: 1e-10 }, data);
    expectClose(model.weights.flat(), expected.weights.flat());
    expectClose(model.intercept, expected.intercept);
    expectClose(model.mean, expected.mean);
    expectClose(model.scale, expected.scale);
    const first = predictLinear(model, features.subarray(0, 12 * golden.width), 12);
    expectClose(Array.from(first), expected.predictions.flat());
  });

  it.each(['binary', 'multiclass', 'regression'] as const)('do not mind the order of rows: %s', (task) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), (seed) => {
        const data = drawn(task, 60, seed);
        const model = fitLinear(task, classesOf(task), {}, data);
        const shuffled = fitLinear(task, classesOf(task), {}, reversed(data));
        const predictions = predictLinear(model, data.features, data.rows);
        expectClose(Array.from(predictLinear(shuffled, data.features, data.rows)), Array.from(predictions), 1e-4);
      }),
      { numRuns: 20 },
    );
  });

  it('give the same bytes again, and survive JSON', () => {
    const data = drawn('multiclass', 80, 5);
    const model = fitLinear('multiclass', 3, {}, data);
    expect(JSON.stringify(fitLinear('multiclass', 3, {}, data))).toBe(JSON.stringify(model));
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
  });

  it('take a missing value for the mean', () => {
    const data = drawn('regression', 50, 3);
    const model = fitLinear('regression', undefined, {}, data);
    const [missing] = predictLinear(model, Float32Array.of(NaN, 1, 1), 1);
    const [atMean] = predictLinear(model, Float32Array.of(model.mean[0]!, 1, 1), 1);
    expect(missing).toBeCloseTo(atMean!, 6);
  });

  it('find a solution for separable classes and for features that repeat each other', () => {
    const line = Float32Array.from({ length: 40 }, (_, i) => Math.floor(i / 2));
    const data = {
      features: line,
      labels: Float64Array.from({ length: 20 }, (_, i) => Number(i >= 10)),
      rows: 20,
      width: 2,
    };
    const binary = fitLinear('binary', 2, { l2: 1e-6 }, data);
    expect(predictLinear(binary, Float32Array.of(0, 0, 19, 19), 2)[3]!).toBeGreaterThan(0.99);
    const regression = fitLinear(
      'regression',
      undefined,
      { l2: 0 },
      { ...data, labels: Float64Array.from({ length: 20 }, (_, i) => 3 * i + 1) },
    );
    expect(predictLinear(regression, Float32Array.of(7, 7), 1)[0]).toBeCloseTo(22, 6);
  });

  it('have stated results where there is nothing to learn', () => {
    const none = { features: new Float32Array(0), labels: new Float64Array(0), rows: 0, width: 2 };
    const ones = { features: Float32Array.of(1, 2, 3, 4, 5, 6), labels: Float64Array.of(1, 1, 1), rows: 3, width: 2 };
    const says = (task: Task, data: Dataset) => [
      ...predictLinear(fitLinear(task, classesOf(task), {}, data), new Float32Array(2), 1),
    ];
    expect(says('binary', none)).toEqual([0.5, 0.5]);
    expect(says('regression', none)).toEqual([0]);
    expect(says('binary', ones)[1]).toBeCloseTo(3 / 3.5, 12);
    expect(says('multiclass', ones)[0]).toBeCloseTo(0.5 / 4, 12);
    expect(says('regression', ones)).toEqual([1]);
    const flat = {
      features: Float32Array.of(7, NaN, 7, NaN, 7, NaN, 7, NaN),
      labels: Float64Array.of(0, 1, 1, 1),
      rows: 4,
      width: 2,
    };
    const model = fitLinear('binary', 2, {}, flat);
    expect(model.weights).toEqual([[0, 0]]);
    expect(predictLinear(model, Float32Array.of(NaN, 1), 1)[1]).toBeCloseTo(0.75, 6);
  });

  it('never give a NaN, whatever finite rows they saw', () => {
    const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1, NaN));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(value, value, fc.double({ min: -1e100, max: 1e100, noNaN: true })), { maxLength: 30 }),
        fc.array(value, { minLength: 8, maxLength: 8 }),
        fc.constantFrom('binary', 'multiclass', 'regression'),
        fc.constantFrom(0, 1e-3, 1),
        (rows, asked, task, l2) => {
          const labels = Float64Array.from(rows, ([, , y]) =>
            task === 'regression' ? y : Math.floor(Math.abs(y) % (task === 'binary' ? 2 : 3)),
          );
          const data = {
            features: Float32Array.from(rows.flatMap(([a, b]) => [a, b])),
            labels,
            rows: rows.length,
            width: 2,
          };
          const model = fitLinear(task, classesOf(task), { l2: task === 'regression' ? l2 : l2 + 1e-3 }, data);
          expect(predictLinear(model, Float32Array.from(asked), 4).every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuse a penalty of 0 for classes', () => {
    expect(() => fitLinear('binary', 2, { l2: 0 }, drawn('binary', 20, 1))).toThrow(RangeError);
  });
});

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-6): void {
  expect(actual.length).toBe(expected.length);
  const off = actual.filter(
    (value, i) => !(Math.abs(value - expected[i]!) <= tolerance * (1 + Math.abs(expected[i]!))),
  );
  expect(off).toEqual([]);
}

function classesOf(task: Task): number | undefined {
  return { binary: 2, multiclass: 3, regression: undefined }[task];
}

function drawn(task: Task, rows: number, seed: number): Dataset {
  const random = mulberry32(seed);
  const data = Float32Array.from({ length: rows * 3 }, () => (random() < 0.05 ? NaN : random() * 10));
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const target = (data[row * 3]! || 5) + random() * 5;
    return task === 'regression'
      ? target
      : task === 'binary'
        ? Number(target > 7)
        : Math.min(2, Math.floor(target / 5));
  });
  return { features: data, labels, rows, width: 3 };
}

function reversed(data: Dataset): Dataset {
  const { rows, width } = data;
  return {
    ...data,
    features: data.features.map((_, i) => data.features[(rows - 1 - Math.floor(i / width)) * width + (i % width)]!),
    labels: data.labels.map((_, row) => data.labels[rows - 1 - row]!),
  };
}
