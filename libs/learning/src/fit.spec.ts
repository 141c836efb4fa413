import fc from 'fast-check';
import { type TrainerSpec, fit, predict } from './fit.js';
import { lossOf, mostLikely } from './losses.js';
import type { Dataset, Task } from './dataset.js';
import { rowsOf } from './dataset.js';
import { mulberry32 } from './generator.js';
import { lastRows, timeOrderedHoldout } from './splits.js';

const tasks = [{ task: 'binary' }, { task: 'multiclass', classes: 3 }, { task: 'regression' }] as const;
const trainers = tasks.flatMap((task): TrainerSpec[] => [
  { kind: 'trees', ...task, rounds: 10, rowFraction: 0.8 },
  { kind: 'linear', ...task },
  { kind: 'constant', ...task },
]);

describe('every trainer', () => {
  it.each(trainers)('is a function of its arguments: $kind, $task', (spec) => {
    const data = drawn(spec.task, 150);
    const before = JSON.stringify([Array.from(data.features), Array.from(data.labels)]);
    const model = fit(spec, data, undefined, 5);
    expect(JSON.stringify(fit(spec, data, undefined, 5))).toBe(JSON.stringify(model));
    expect(JSON.stringify([Array.from(data.features), Array.from(data.labels)])).toBe(before);
  });

  it.each(trainers)(
    'gives a model that JSON carries and that predicts rows one by one as together: $kind, $task',
    (spec) => {
      const data = drawn(spec.task, 150);
      const model = fit(spec, data, undefined, 5);
      const carried = JSON.parse(JSON.stringify(model)) as typeof model;
      const together = predict(carried, data.features, data.rows);
      const oneByOne = Array.from({ length: data.rows }, (_, row) => {
        const { features } = rowsOf(data, { from: row, to: row + 1 });
        return [...predict(model, features, 1)];
      });
      expect([...together]).toEqual(oneByOne.flat());
      expect(together.length).toBe(data.rows * model.classes);
      expect(predict(model, new Float32Array(0), 0).length).toBe(0);
    },
  );

  it.each(trainers.filter((spec) => spec.task !== 'regression'))('gives probabilities: $kind, $task', (spec) => {
    const data = drawn(spec.task, 150);
    const model = fit(spec, data, undefined, 5);
    fc.assert(
      fc.property(fc.array(fc.float({ noDefaultInfinity: true }), { minLength: 2, maxLength: 2 }), (row) => {
        const probabilities = predict(model, Float32Array.from(row), 1);
        expect(probabilities.every((p) => p >= 0 && p <= 1)).toBe(true);
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  it.each(trainers.filter((spec) => spec.kind !== 'constant'))('beats the constant: $kind, $task', (spec) => {
    const data = drawn(spec.task, 400);
    const { train, holdout } = timeOrderedHoldout({ from: 0, to: data.rows }, 0.25);
    const judged = rowsOf(data, holdout);
    const loss = (of: TrainerSpec) => {
      const model = fit(of, rowsOf(data, train), undefined, 1);
      const predictions = predict(model, judged.features, judged.rows);
      const { of: lossOfRow } = lossOf(spec.task, { cap: 10 });
      let sum = 0;
      for (let row = 0; row < judged.rows; row++) {
        sum += lossOfRow(predictions.subarray(row * model.classes, (row + 1) * model.classes), judged.labels[row]!);
      }
      return sum;
    };
    const { kind: _, ...rest } = spec;
    expect(loss(spec)).toBeLessThan(0.9 * loss({ ...rest, kind: 'constant' }));
  });

  it('refuses rows of another shape than it was trained on', () => {
    const model = fit({ kind: 'constant', task: 'binary' }, drawn('binary', 10), undefined, 0);
    expect(() => predict(model, new Float32Array(3), 1)).toThrow(RangeError);
  });
});

describe('the baseline', () => {
  it('says the shares of classes, an unseen one counting half a row, or the mean', () => {
    const data = { features: new Float32Array(4), rows: 4, width: 1, labels: Float64Array.of(0, 2, 2, 2) };
    const says = (spec: TrainerSpec) => [...predict(fit(spec, data, undefined, 0), Float32Array.of(NaN), 1)];
    expect(says({ kind: 'constant', task: 'multiclass', classes: 3 })).toEqual([1 / 4.5, 0.5 / 4.5, 3 / 4.5]);
    expect(says({ kind: 'constant', task: 'regression' })).toEqual([1.5]);
  });
});

describe('losses of a row', () => {
  it('are bounded: a certain model that errs loses no more than the floor allows', () => {
    const { of, max } = lossOf('binary', { floor: 0.02 });
    expect(of([1, 0], 1)).toBe(max);
    expect(max).toBeCloseTo(3.912, 3);
    expect(of([0, 1], 1)).toBe(0);
    expect(of([0.2, 0.3, 0.5], 1)).toBeCloseTo(-Math.log(0.3), 12);
    expect(of([0.2, 0.8], 7)).toBe(max);
    expect(of([NaN, NaN], 0)).toBe(max);
    const regression = lossOf('regression', { cap: 5 });
    expect([regression.of([3], 1), regression.of([30], 1)]).toEqual([2, 5]);
    expect(() => lossOf('regression')).toThrow(RangeError);
  });

  it('take class 1 from an even chance on, and the first of several equals', () => {
    expect([mostLikely([0.5, 0.5]), mostLikely([0.2, 0.4, 0.4])]).toEqual([1, 1]);
  });
});

describe('splits in time', () => {
  it('hold out the newest rows and share none with training', () => {
    expect(timeOrderedHoldout(lastRows(1000, 500), 0.2)).toEqual({
      train: { from: 500, to: 900 },
      holdout: { from: 900, to: 1000 },
    });
    expect(lastRows(10, 500)).toEqual({ from: 0, to: 10 });
    expect(() => timeOrderedHoldout({ from: 0, to: 10 }, 1)).toThrow(RangeError);
  });

  it('share memory with the data they are cut from', () => {
    const data = drawn('binary', 20);
    const part = rowsOf(data, { from: 5, to: 15 });
    expect(part.rows).toBe(10);
    expect(part.features.buffer).toBe(data.features.buffer);
    expect(part.labels[0]).toBe(data.labels[5]);
    expect(() => rowsOf(data, { from: 5, to: 21 })).toThrow(RangeError);
  });
});

function drawn(task: Task, rows: number): Dataset {
  const random = mulberry32(rows);
  const features = Float32Array.from({ length: rows * 2 }, () => random());
  const labels = Float64Array.from({ length: rows }, (_, row) => {
    const target = 3 * features[2 * row]! + 0.2 * random();
    return task === 'regression' ? target : task === 'binary' ? Number(target > 1.5) : Math.min(2, Math.floor(target));
  });
  return { features, labels, rows, width: 2 };
}
