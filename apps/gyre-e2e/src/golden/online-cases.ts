import { streamOf, type StreamRecipe } from '@gyre/drift';
import {
  ConfusionMatrix,
  ExponentialMean,
  FadingMean,
  GaussianNaiveBayes,
  OnlineLogistic,
  OnlineScaler,
  ProbabilityLosses,
  RunningMoments,
  SlidingValues,
} from '@gyre/learning';
import { dataColumns, expectLeaves, type Claim, type GoldenCase, type GoldenFile } from './vectors.js';

type Snapshot = Record<string, unknown>;
interface OnlineCase extends GoldenCase {
  data?: string;
  params?: string;
  note?: string;
  stream?: StreamRecipe;
  expected: { snapshots?: Snapshot[]; fading?: Snapshot[]; accuracy?: number };
}

/** The header's: 1e-6 relative; shares of right answers are exact, but for the last digits of the division. */
const NEAR = { relative: 1e-6, absolute: 1e-12 };
const EXACT = { relative: 1e-12, absolute: 1e-12 };
const toleranceOf = (path: string) => (path.endsWith('accuracy') ? EXACT : NEAR);

const snapshotsHave = (one: GoldenCase, field: string) => {
  const [first] = (one as OnlineCase).expected?.snapshots ?? [];
  return first !== undefined && field in first;
};

/** A stream of rows, tested then trained on: what is measured, after each row. */
interface Learner {
  /** Of class 1; null before the model knows any class. */
  probability(x: number[]): number | null;
  learn(x: number[], label: number): void;
  view(): Snapshot;
}

function testThenTrain(golden: OnlineCase, file: GoldenFile, learnerOf: (names: string[]) => Learner): void {
  const { columns, label } = tableOf(golden, file);
  const names = Object.keys(columns);
  const learner = learnerOf(names);
  const confusion = new ConfusionMatrix(2);
  const losses = new ProbabilityLosses(1e-16);
  const recent = new SlidingValues(200);
  const snapshots = new Map(golden.expected.snapshots!.map((shot) => [shot['rows'] as number, shot]));
  label.forEach((actual, row) => {
    const x = names.map((name) => columns[name]![row]!);
    const probability = learner.probability(x);
    if (probability !== null) {
      // A tie is class 0.
      const predicted = probability > 0.5 ? 1 : 0;
      confusion.add(actual, predicted);
      recent.add(predicted === actual ? 1 : 0);
      // River clips the probability of class 1, and only then takes the other's.
      const clipped = Math.min(1 - 1e-15, Math.max(1e-15, probability));
      losses.add(actual, [1 - clipped, clipped]);
    }
    learner.learn(x, actual);
    const shot = snapshots.get(row + 1);
    if (shot === undefined) return;
    snapshots.delete(row + 1);
    const ours = flat({
      rows: row + 1,
      p_true_before_learning: probability,
      accuracy: confusion.accuracy() ?? 0,
      kappa: confusion.kappa() ?? 0,
      rolling_200_accuracy: recent.mean() ?? 0,
      log_loss: losses.logLoss() ?? 0,
      ...learner.view(),
    });
    expectLeaves(shot, (path) => ours[path], toleranceOf);
  });
  expect([...snapshots.keys()]).toEqual([]);
}

const logistic: Claim = {
  claims: (one, file) => ofRiver(file) && 'data' in one && snapshotsHave(one, 'weights'),
  check(golden, file) {
    const { params = '' } = golden as OnlineCase;
    const number = (pattern: RegExp, otherwise: number) => Number(pattern.exec(params)?.[1] ?? otherwise);
    testThenTrain(golden as OnlineCase, file, (names) => {
      const scaler = new OnlineScaler(names.length);
      const model = new OnlineLogistic(names.length, {
        rate: number(/SGD\D*([\d.]+)/, 0.01),
        l2: number(/l2\D*([\d.]+)/, 0),
        interceptRate: number(/intercept learning rate\D*([\d.]+)/, 0.01),
      });
      const named = (values: readonly number[]) => Object.fromEntries(names.map((name, f) => [name, values[f]!]));
      return {
        probability: (x) => model.probability(scaler.scaled(x)),
        learn(x, label) {
          scaler.learn(x);
          model.learn(scaler.scaled(x), label);
        },
        view: () => ({
          weights: named(model.state().weights),
          intercept: model.state().intercept,
          scaler_mean: named(scaler.state().map(({ mean }) => mean)),
          scaler_var: named(scaler.state().map(({ spread, rows }) => spread / rows)),
        }),
      };
    });
  },
};

const naiveBayes: Claim = {
  claims: (one, file) =>
    ofRiver(file) && 'data' in one && /GaussianNB/.test((one as OnlineCase).params ?? '') && snapshotsHave(one, 'rows'),
  check(golden, file) {
    testThenTrain(golden as OnlineCase, file, (names) => {
      const model = new GaussianNaiveBayes(names.length);
      return {
        probability(x) {
          const probabilities = model.probabilities(x);
          return probabilities.size === 0 ? null : (probabilities.get(1) ?? 0);
        },
        learn: (x, label) => model.learn(x, label),
        view: () => ({}),
      };
    });
  },
};

const statistics: Claim = {
  claims: (one, file) => ofRiver(file) && !('detector' in one) && 'stream' in one && snapshotsHave(one, 'mean'),
  check(golden) {
    const { stream, expected } = golden as OnlineCase;
    const moments = new RunningMoments();
    const exponential = new Map<string, ExponentialMean>();
    const windows = new Map<string, SlidingValues>();
    for (const path of Object.keys(expected.snapshots![0]!)) {
      const alpha = /^ewmean_([\d.]+)$/.exec(path)?.[1];
      const size = /^rolling_(\d+)_/.exec(path)?.[1];
      if (alpha !== undefined) exponential.set(path, new ExponentialMean(Number(alpha)));
      if (size !== undefined) windows.set(size, new SlidingValues(Number(size)));
    }
    const snapshots = new Map(expected.snapshots!.map((shot) => [shot['n'] as number, shot]));
    streamOf(stream!).forEach((value, i) => {
      for (const one of [moments, ...exponential.values(), ...windows.values()]) one.add(value);
      const shot = snapshots.get(i + 1);
      if (shot === undefined) return;
      snapshots.delete(i + 1);
      const ours: Snapshot = { n: moments.rows, mean: moments.mean(), var: moments.variance() };
      for (const [path, mean] of exponential) ours[path] = mean.mean();
      for (const [size, window] of windows) {
        ours[`rolling_${size}_median`] = window.quantile(0.5);
        ours[`rolling_${size}_max`] = window.max();
        ours[`rolling_${size}_mean`] = window.mean();
        ours[`rolling_${size}_var`] = window.variance();
      }
      expectLeaves(shot, (path) => ours[path], toleranceOf);
    });
    expect([...snapshots.keys()]).toEqual([]);
  },
};

/** The last label predicted again, and the accuracy of that with and without forgetting. */
const noChange: Claim = {
  claims: (one, file) => ofRiver(file) && 'data' in one && (one as OnlineCase).expected?.fading !== undefined,
  check(golden, file) {
    const one = golden as OnlineCase;
    const { label } = tableOf(one, file);
    const plain = new FadingMean(1);
    const fading = new FadingMean(Number(/fading factor ([\d.]+\d)/.exec(one.note ?? '')?.[1] ?? 0.99));
    const size = Number(/sliding window (\d+)/.exec(one.note ?? '')?.[1] ?? 100);
    const sliding = new SlidingValues(size);
    const snapshots = new Map(one.expected.fading!.map((shot) => [shot['n'] as number, shot]));
    label.slice(1).forEach((actual, i) => {
      const right = actual === label[i] ? 1 : 0;
      for (const mean of [plain, fading, sliding]) mean.add(right);
      const shot = snapshots.get(i + 1);
      if (shot === undefined) return;
      snapshots.delete(i + 1);
      const ours: Snapshot = {
        n: i + 1,
        fading_accuracy: fading.mean(),
        [`sliding_${size}_accuracy`]: sliding.mean(),
      };
      expectLeaves(shot, (path) => ours[path], toleranceOf);
    });
    expect([...snapshots.keys()]).toEqual([]);
    const { fading: _, ...whole } = one.expected;
    expectLeaves(whole, (path) => ({ accuracy: plain.mean() })[path], toleranceOf);
  },
};

export const onlineCases: Claim[] = [logistic, naiveBayes, statistics, noChange];

function ofRiver(file: GoldenFile): boolean {
  return file.header['library'] === 'river';
}

/** `data` names a file and how many of its rows. */
function tableOf({ data }: OnlineCase, file: GoldenFile): { columns: Record<string, number[]>; label: number[] } {
  const [, path, rows] = /^(\S+?\.csv\.gz)(?:, first (\d+) rows)?$/.exec(data!) ?? [];
  if (path === undefined) throw new Error(`no data file in ${data}`);
  const { class: label, ...columns } = dataColumns(file, path, rows === undefined ? undefined : Number(rows));
  return { columns, label: label! };
}

function flat(shot: Snapshot): Snapshot {
  return Object.fromEntries(
    Object.entries(shot).flatMap(([key, value]): [string, unknown][] =>
      value !== null && typeof value === 'object'
        ? Object.entries(value).map(([name, child]) => [`${key}.${name}`, child])
        : [[key, value]],
    ),
  );
}
