import { Dle, type LossLearner, type LossRows } from './dle.js';
import { lossDriftImportance } from './loss-drift-importance.js';
import { mulberry32 } from './mulberry32.js';

/** Means of the loss in cells of the first feature: a learner that a test can follow. */
const CELLS = 20;
const cells: LossLearner<number[]> = {
  fit({ features, rows, width, labels }: LossRows) {
    const sums = Array.from({ length: CELLS }, () => [0, 0] as [number, number]);
    for (let row = 0; row < rows; row += 1) {
      const cell = sums[cellOf(features[row * width]!)]!;
      cell[0] += labels[row]!;
      cell[1] += 1;
    }
    return sums.map(([sum, count]) => (count === 0 ? 0 : sum / count));
  },
  predict: (means, features, rows) =>
    Float64Array.from({ length: rows }, (_, row) => means[cellOf(features[(row * features.length) / rows]!)]!),
};

function cellOf(x: number): number {
  return Math.min(CELLS - 1, Math.max(0, Math.floor(x * CELLS)));
}

/** A model that predicts 0 where the truth scatters by x0, in [0, 1]; `up` shifts x0 upwards. x1 is irrelevant. */
function world(rows: number, seed: number, up = 0, scatter = 1) {
  const draw = mulberry32(seed);
  const features = new Float32Array(rows * 2);
  const labels = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const x = up + (1 - up) * draw();
    features.set([x, draw()], row * 2);
    labels[row] = x * scatter * (2 * draw() - 1);
  }
  return { features, predictions: new Float64Array(rows), labels };
}

const mae = (labels: Float64Array) => labels.reduce((sum, label) => sum + Math.abs(label), 0) / labels.length;
const rmse = (labels: Float64Array) => Math.sqrt(labels.reduce((sum, label) => sum + label ** 2, 0) / labels.length);

describe('Dle', () => {
  const reference = world(6_000, 1);
  const dle = Dle.fit(reference, cells);

  it('foresees the error where inputs have moved to, and holds its interval in chunk after chunk', () => {
    let missed = 0;
    for (let seed = 10; seed < 60; seed += 1) {
      const chunk = world(300, seed, 0.6);
      const estimates = dle.estimate(chunk.features, chunk.predictions);
      for (const [estimate, realised] of [
        [estimates.mae, mae(chunk.labels)],
        [estimates.rmse, rmse(chunk.labels)],
      ] as const) {
        if (realised < estimate.lower || realised > estimate.upper) missed += 1;
        expect(estimate.value).toBeCloseTo(estimate === estimates.mae ? 0.4 : 0.467, 1);
      }
    }
    expect(mae(reference.labels)).toBeCloseTo(0.25, 1);
    expect(missed).toBeLessThanOrEqual(2);
  });

  it('does not see that equal inputs got other labels: that takes labels', () => {
    const concept = world(2_000, 3, 0, 3);
    const estimate = dle.estimate(concept.features, concept.predictions).mae;
    expect(mae(concept.labels)).toBeGreaterThan(estimate.upper);
  });

  it('goes on from its state, as JSON, with an equal learner', () => {
    const chunk = world(50, 4);
    const again = Dle.restored(JSON.parse(JSON.stringify(dle.state())) as ReturnType<typeof dle.state>, cells);
    expect(again.estimate(chunk.features, chunk.predictions)).toEqual(dle.estimate(chunk.features, chunk.predictions));
  });

  it('names the feature whose drift costs', () => {
    const now = world(3_000, 5, 0.6);
    const {
      reference: before,
      current,
      features,
    } = lossDriftImportance(reference.features, now.features, 2, (rows, count) =>
      dle.absoluteErrors(rows, new Float64Array(count)),
    );
    expect(current - before).toBeCloseTo(0.15, 1);
    expect(features[0]).toMatchObject({ feature: 0 });
    expect(features[0]!.contribution).toBeCloseTo(current - before, 10);
    expect(features[1]!.contribution).toBe(0);
  });

  it.each([
    [() => Dle.fit(world(9, 1), cells), /at least 10 rows/],
    [() => Dle.fit({ ...reference, predictions: [1] }, cells), /6000 rows have as many predictions, got 1/],
    [() => Dle.fit({ ...reference, labels: reference.labels.map(() => NaN) }, cells), /label of row 0 is finite/],
    [() => dle.estimate(new Float32Array(3), [0]), /rows have 2 features, got 3/],
    [() => dle.estimate(new Float32Array(0), []), /at least one row/],
  ])('refuses what makes no sense: %#', (act, message) => {
    expect(act).toThrow(message);
  });
});

describe('lossDriftImportance', () => {
  const draw = mulberry32(6);
  const rows = (count: number, shifts: number[]) =>
    Float32Array.from({ length: count * shifts.length }, (_, i) => draw() + shifts[i % shifts.length]!);
  const before = rows(1_000, [0, 0, 0]);
  const after = rows(700, [1, 0, -2]);

  it('shares out an additive loss by what each feature’s mean has moved, and a product evenly', () => {
    const additive = (x: Float32Array, n: number) =>
      Float64Array.from({ length: n }, (_, i) => 2 * x[3 * i]! + 5 * x[3 * i + 1]! - x[3 * i + 2]!);
    const found = lossDriftImportance(before, after, 3, additive, { pairs: 4_000 });
    for (const { feature, contribution, standardError } of found.features)
      expect(Math.abs(contribution - [2, 0, 2][feature]!)).toBeLessThan(4 * standardError + 0.05);
    const product = (x: Float32Array, n: number) =>
      Float64Array.from({ length: n }, (_, i) => x[3 * i]! * x[3 * i + 2]!);
    const shared = lossDriftImportance(rows(500, [0, 0, 0]), rows(500, [1, 0, 1]), 3, product, { pairs: 4_000 });
    const [first, second, rest] = shared.features.map(({ contribution }) => contribution);
    expect(Math.abs(first! - second!)).toBeLessThan(0.1);
    expect(rest).toBe(0);
  });

  it('leaves nothing over: the contributions sum to the change of the loss; the same seed draws the same', () => {
    const odd = (x: Float32Array, n: number) =>
      Float64Array.from({ length: n }, (_, i) => Math.max(x[3 * i]!, x[3 * i + 1]! * x[3 * i + 2]!) ** 2);
    const found = lossDriftImportance(before, after, 3, odd, { pairs: 200, seed: 9 });
    const sum = found.features.reduce((total, { contribution }) => total + contribution, 0);
    expect(sum).toBeCloseTo(found.current - found.reference, 10);
    expect(lossDriftImportance(before, after, 3, odd, { pairs: 200, seed: 9 })).toEqual(found);
  });
});
