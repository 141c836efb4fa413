import fc from 'fast-check';
import { type Dataset, fit, type FittedModel, predict, type Task, type TrainerSpec } from '@gyre/learning';
import { OnnxModel } from '@gyre/model-runtime';
import { exportOnnx } from './export-onnx.js';

/** Difference of probabilities, or of values in units of their magnitude from 1 on. */
function largestDifference(model: FittedModel, features: Float32Array, rows: number): number {
  const expected = predict(model, features, rows);
  const onnx = OnnxModel.load(exportOnnx(model, { features, rows }, {}));
  const answer = onnx.run(features, rows);
  onnx.dispose();
  expect(answer).toHaveLength(expected.length);
  return Math.max(
    ...Array.from(answer, (value, i) => Math.abs(value - expected[i]!) / Math.max(1, Math.abs(expected[i]!))),
  );
}

const TRAINERS: Record<string, object> = {
  trees: { kind: 'trees', rounds: 15, maxLeaves: 8, minLeafRows: 2 },
  linear: { kind: 'linear' },
  constant: { kind: 'constant' },
};
const CLASSES: Record<Task, number> = { binary: 2, multiclass: 4, regression: 1 };
const cases = Object.keys(CLASSES).flatMap((task) =>
  Object.keys(TRAINERS).map((kind) => [task as Task, kind] as const),
);

/** Values that repeat (so that rows lie on thresholds), are missing, tiny, or as large as float32 has them. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -4, max: 4 }).map((n) => Math.fround(n / 3)) },
  { weight: 3, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, 0, -0, Math.fround(1e-40), Math.fround(3e9)) },
);

describe('exportOnnx', () => {
  it.each(cases)('answers as the trainer does, to 1e-5: %s, %s', (task, kind) => {
    const classes = CLASSES[task];
    const row = fc.record({
      features: fc.array(value, { minLength: 3, maxLength: 3 }),
      label: task === 'regression' ? fc.double({ min: -1e6, max: 1e6, noNaN: true }) : fc.nat(classes - 1),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 60 }),
        fc.array(value, { minLength: 3, maxLength: 30 }),
        (rows, unseen) => {
          const data: Dataset = {
            rows: rows.length,
            width: 3,
            features: Float32Array.from(rows.flatMap(({ features }) => features)),
            labels: Float64Array.from(rows, ({ label }) => label),
          };
          const model = fit({ ...TRAINERS[kind], task, classes } as TrainerSpec, data, undefined, 1);
          expect(largestDifference(model, data.features, data.rows)).toBeLessThanOrEqual(1e-5);
          const others = Float32Array.from(unseen.slice(0, unseen.length - (unseen.length % 3)));
          expect(largestDifference(model, others, others.length / 3)).toBeLessThanOrEqual(1e-5);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([1e-45, 1e-40, 1e-35, 1e-29])(
    'answers finitely where a feature spreads by %d only, and as the trainer does',
    (tiny) => {
      const data: Dataset = {
        rows: 4,
        width: 1,
        features: Float32Array.from([0, tiny, 0, tiny]),
        labels: Float64Array.from([-1e6, 1e6, -1e6, 1e6]),
      };
      const model = fit({ kind: 'linear', task: 'regression' }, data, undefined, 1);
      const far = Float32Array.from([3e9, -3e9, 3e38, 0]);
      expect(largestDifference(model, far, 4)).toBeLessThanOrEqual(1e-5);
      expect(Array.from(predict(model, far, 4), Math.fround).every(Number.isFinite)).toBe(true);
    },
  );

  it('makes the same bytes of the same model', () => {
    const data: Dataset = {
      rows: 40,
      width: 1,
      features: Float32Array.from({ length: 40 }, (_, i) => i),
      labels: Float64Array.from({ length: 40 }, (_, i) => Number(i > 20)),
    };
    const bytes = (): Uint8Array =>
      exportOnnx(fit({ kind: 'trees', task: 'binary', minLeafRows: 2 }, data, undefined, 1), data, {
        classes: '[0,1]',
      });
    expect(bytes()).toEqual(bytes());
  });
});
