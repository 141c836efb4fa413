import fc from 'fast-check';
import { CalibrationBins } from './calibration-bins.js';
import { ConfusionMatrix } from './confusion-matrix.js';
import { GroupFairness } from './group-fairness.js';
import { ProbabilityLosses } from './probability-losses.js';
import { RegressionErrors } from './regression-errors.js';
import { ScoreHistogram } from './score-histogram.js';

/** A row that each accumulator takes something of. */
interface Row {
  actual: number;
  predicted: number;
  score: number;
  value: number;
  estimate: number;
  group: string;
}

const rows = fc.array(
  fc.record({
    actual: fc.integer({ min: 0, max: 1 }),
    predicted: fc.integer({ min: 0, max: 1 }),
    score: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 1)),
    value: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, -1, 2)),
    estimate: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, -1, 2)),
    group: fc.constantFrom('a', 'b', '__proto__'),
  }),
  { maxLength: 20 },
);

/** What sums up rows and merges with its like. */
interface Accumulator<State> {
  readonly rows: number;
  state(): State;
}
interface Kind<A extends Accumulator<State>, State> {
  begin(): A;
  of(state: State): A;
  merge(into: A, other: A): void;
  add(into: A, row: Row): void;
  /** Everything it says, as numbers. */
  numbers(of: A): (number | null)[];
}

const confusion: Kind<ConfusionMatrix, ReturnType<ConfusionMatrix['state']>> = {
  begin: () => new ConfusionMatrix(2),
  of: (state) => ConfusionMatrix.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { actual, predicted }) => into.add(actual, predicted),
  numbers: (m) => [
    m.accuracy(),
    m.kappa(),
    m.quadraticKappa(),
    m.matthews(),
    m.macro('recall'),
    m.weighted('f1'),
    m.specificity(1),
    m.fBeta(1, 2),
  ],
};
const regression: Kind<RegressionErrors, ReturnType<RegressionErrors['state']>> = {
  begin: () => new RegressionErrors(),
  of: (state) => RegressionErrors.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { value, estimate }) => into.add(value, estimate),
  numbers: (e) => [
    e.mae(),
    e.mse(),
    e.rmse(),
    e.meanError(),
    e.maxError(),
    e.mape(),
    e.smape(),
    e.rmsle(),
    e.pinball(0.1),
  ],
};
const calibration: Kind<CalibrationBins, ReturnType<CalibrationBins['state']>> = {
  begin: () => new CalibrationBins(10),
  of: (state) => CalibrationBins.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { actual, score }) => into.add(actual, score),
  numbers: (bins) => [bins.expectedError(), bins.maximumError()],
};
const losses: Kind<ProbabilityLosses, ReturnType<ProbabilityLosses['state']>> = {
  begin: () => new ProbabilityLosses(),
  of: (state) => ProbabilityLosses.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { actual, score }) => into.add(actual, [1 - score, score]),
  numbers: (sums) => [sums.logLoss(), sums.brierSum()],
};
const histogram: Kind<ScoreHistogram, ReturnType<ScoreHistogram['state']>> = {
  begin: () => new ScoreHistogram(50),
  of: (state) => ScoreHistogram.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { actual, score }) => into.add(actual, score),
  numbers: (scores) => Object.values(scores.rocAuc() ?? { none: null }),
};
const fairness: Kind<GroupFairness, ReturnType<GroupFairness['state']>> = {
  begin: () => new GroupFairness(),
  of: (state) => GroupFairness.of(state),
  merge: (into, other) => into.merge(other),
  add: (into, { group, actual, predicted }) => into.add(group, actual, predicted),
  numbers: (groups) => [
    ...Object.values(groups.gaps()),
    ...Object.values(groups.disparateImpact()),
    ...Object.values(groups.rates()).flatMap((rates) => Object.values(rates)),
  ],
};

describe.each([
  ['ConfusionMatrix', confusion],
  ['RegressionErrors', regression],
  ['CalibrationBins', calibration],
  ['ProbabilityLosses', losses],
  ['ScoreHistogram', histogram],
  ['GroupFairness', fairness],
] as [string, Kind<Accumulator<unknown>, unknown>][])('%s', (_, kind) => {
  const of = (part: Row[]) => {
    const accumulator = kind.begin();
    for (const row of part) kind.add(accumulator, row);
    return accumulator;
  };

  it('merges from parts, saved and restored between, as if counted in one', () => {
    fc.assert(
      fc.property(rows, rows, (first, second) => {
        const merged = of(first);
        kind.merge(merged, kind.of(JSON.parse(JSON.stringify(of(second).state()))));
        const whole = of([...first, ...second]);
        expect(merged.rows).toBe(whole.rows);
        expectNear(kind.numbers(merged), kind.numbers(whole));
      }),
    );
  });

  it('says null where there is nothing to say, and never NaN', () => {
    expect(kind.numbers(kind.begin()).filter((value) => value !== null && value !== 0)).toEqual([]);
    fc.assert(
      fc.property(rows, (some) => {
        for (const value of kind.numbers(of(some))) expect(value).not.toBeNaN();
      }),
    );
  });
});

describe('labels far from 0, beside which they differ by little', () => {
  it('are explained as well as the same labels about 0, in parts too', () => {
    const offset = 1e7;
    const digit = 2 ** -29; // The last of numbers as large: all labels are exact.
    const [near, far, first, second] = Array.from({ length: 4 }, () => new RegressionErrors());
    for (let i = 0; i < 4_000; i++) {
      const label = ((i * 7_919) % 500) * digit;
      const predicted = label + ((i * 104_729) % 700) * digit;
      near!.add(label, predicted);
      far!.add(offset + label, offset + predicted);
      (i % 3 === 0 ? first! : second!).add(offset + label, offset + predicted);
    }
    first!.merge(RegressionErrors.of(JSON.parse(JSON.stringify(second!.state()))));
    expect(far!.r2()! / near!.r2()!).toBeCloseTo(1, 9);
    expect(first!.r2()! / near!.r2()!).toBeCloseTo(1, 9);
  });
});

describe('a row that cannot be', () => {
  it('is refused, and nothing is counted', () => {
    const bins = new CalibrationBins(10);
    expect(() => bins.add(1, 1.1)).toThrow(RangeError);
    expect(() => bins.add(2, 0.5)).toThrow(RangeError);
    const sums = new ProbabilityLosses();
    expect(() => sums.add(2, [0.5, 0.5])).toThrow(RangeError);
    expect(() => sums.add(0, [0.5, NaN])).toThrow(RangeError);
    const scores = new ScoreHistogram();
    expect(() => scores.add(0, -0.1)).toThrow(RangeError);
    const errors = new RegressionErrors();
    expect(() => errors.add(NaN, 1)).toThrow(RangeError);
    expect([bins.rows, sums.rows, scores.rows, errors.rows]).toEqual([0, 0, 0, 0]);
  });
});

/** Sums come in another order, so to 1e-9. */
function expectNear(ours: (number | null)[], theirs: (number | null)[]): void {
  expect(ours).toHaveLength(theirs.length);
  ours.forEach((value, i) => {
    const other = theirs[i]!;
    if (value === null || other === null) expect(value).toBe(other);
    else expect(Math.abs(value - other)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(other)));
  });
}
