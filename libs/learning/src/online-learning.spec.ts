import fc from 'fast-check';
import { ExponentialMean, FadingMean } from './fading-mean.js';
import { GaussianNaiveBayes } from './gaussian-naive-bayes.js';
import { OnlineLogistic } from './online-logistic.js';
import { OnlineScaler } from './online-scaler.js';
import { RunningMoments } from './running-moments.js';
import { SlidingValues } from './sliding-values.js';

const value = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const row = fc.tuple(
  fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(NaN) }),
  value,
  fc.integer({ min: 0, max: 1 }),
);
const rows = fc.array(row, { maxLength: 30 });

/** A model that learns from rows and says something that tells two of its kind apart. */
interface Online {
  learn(x: number[], label: number): void;
  says(x: number[]): unknown;
  saved(): Online;
}

const json = <T>(state: T): T => JSON.parse(JSON.stringify(state)) as T;
const value0 = ([first]: number[]) => first! || 0;

function moments(own = new RunningMoments()): Online {
  return {
    learn: (x) => own.add(value0(x)),
    says: () => [own.mean(), own.variance()],
    saved: () => moments(RunningMoments.of(json(own.state()))),
  };
}
function fading(own = new FadingMean(0.9)): Online {
  return {
    learn: (x) => own.add(value0(x)),
    says: () => own.mean(),
    saved: () => fading(FadingMean.of(json(own.state()), 0.9)),
  };
}
function exponential(own = new ExponentialMean(0.1)): Online {
  return {
    learn: (x) => own.add(value0(x)),
    says: () => own.mean(),
    saved: () => exponential(ExponentialMean.of(own.mean(), 0.1)),
  };
}
function sliding(own = new SlidingValues(7)): Online {
  return {
    learn: (x) => own.add(value0(x)),
    says: () => [own.mean(), own.variance(), own.max(), own.quantile(0.3)].map((one) => one?.toPrecision(9)),
    saved: () => sliding(SlidingValues.of(json(own.state()), 7)),
  };
}
function bayes(own = new GaussianNaiveBayes(2)): Online {
  return {
    learn: (x, label) => own.learn(x, label),
    says: (x) => [...own.probabilities(x)],
    saved: () => bayes(GaussianNaiveBayes.of(json(own.state()), 2)),
  };
}
function logistic(scaler = new OnlineScaler(2), own = new OnlineLogistic(2, { rate: 0.1, l2: 0.01 })): Online {
  return {
    learn(x, label) {
      scaler.learn(x);
      own.learn(scaler.scaled(x), label);
    },
    says: (x) => own.probability(scaler.scaled(x)),
    saved: () =>
      logistic(OnlineScaler.of(json(scaler.state())), OnlineLogistic.of(json(own.state()), { rate: 0.1, l2: 0.01 })),
  };
}

/** Sums of these depend on where they begin: what is small is lost beside what cancels later. */
const CANCELLING: [number[][], number[][]] = [
  Array.from({ length: 8 }, (_, i) => [i % 6 === 0 ? NaN : 0, 0, 0]),
  [0, 0, 999.999999999998, NaN, -2e-323, NaN, -999.999999999998].map((a) => [a, 0, 0]),
];

describe.each([
  ['RunningMoments', moments],
  ['FadingMean', fading],
  ['ExponentialMean', exponential],
  ['SlidingValues', sliding],
  ['GaussianNaiveBayes', bayes],
  ['OnlineScaler and OnlineLogistic', logistic],
] as [string, () => Online][])('%s', (_, begin) => {
  it('saved and restored at any point goes on as if never stopped, and says numbers only', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const stopped = begin();
        for (const [a, b, label] of before) stopped.learn([a, b], label);
        const [resumed, uninterrupted] = [stopped.saved(), stopped];
        for (const [a, b, label] of after) {
          resumed.learn([a, b], label);
          uninterrupted.learn([a, b], label);
        }
        expect(resumed.says([0.5, -1])).toEqual(uninterrupted.says([0.5, -1]));
        for (const number of [resumed.says([NaN, 1e3])].flat(2)) expect(number).not.toBeNaN();
      }),
      { examples: [CANCELLING] },
    );
  });

  it('refuses an infinite value and stays as it was', () => {
    const model = begin();
    model.learn([1, 2], 1);
    const before = model.says([0.5, -1]);
    expect(() => model.learn([Infinity, 1], 1)).toThrow(RangeError);
    expect(model.says([0.5, -1])).toEqual(before);
  });
});

describe('RunningMoments', () => {
  it('merge from parts as if counted in one', () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (first, second) => {
        const of = (values: number[]) => {
          const own = new RunningMoments();
          for (const one of values) own.add(one);
          return own;
        };
        const merged = of(first);
        merged.merge(of(second));
        const whole = of([...first, ...second]);
        expect(merged.rows).toBe(whole.rows);
        expect(merged.mean()).toBeCloseTo(whole.mean(), 8);
        expect(Math.abs(merged.variance() - whole.variance())).toBeLessThan(1e-9 * (1 + whole.variance()));
      }),
    );
  });
});
