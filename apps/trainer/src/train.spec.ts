import { rowsOf } from '@gyre/learning';
import { ModelSpec } from '@gyre/contracts';
import { type CandidatePlan, planCandidates, SplitSettings, type TrainingOrder } from './plan.js';
import { trainCandidate } from './train.js';
import { twoClasses } from './training-set.fixture.js';

const { trainers } = ModelSpec.parse({
  kind: 'Model',
  name: 'm',
  features: ['v.*'],
  label: { name: 'y', type: 'binary' },
});
const order = (change: Partial<TrainingOrder> = {}): TrainingOrder => ({
  task: 'binary',
  classes: 2,
  trainers,
  windows: [1_000, 5_000, 20_000],
  holdout: 0.2,
  seed: 1,
  split: SplitSettings.parse({}),
  ...change,
});
const lengthOf = ({ from, to }: { from: number; to: number }): number => to - from;

describe('planCandidates', () => {
  it('holds out the same newest rows for all, after all that they are trained on', () => {
    const plans = planCandidates(20_000, order());
    expect(plans).toHaveLength(6);
    for (const { holdout, training, validation, final } of plans) {
      expect(holdout).toEqual({ from: 19_500, to: 20_000 });
      expect(validation === null ? training.to : validation.to).toBe(19_500);
      expect(validation?.from ?? training.to).toBe(training.to);
      expect(final).toEqual({ from: training.from, to: 20_000 });
    }
    expect(plans.filter(({ trainer }) => trainer.kind === 'trees').map(({ final }) => lengthOf(final))).toEqual([
      1_000, 5_000, 20_000,
    ]);
  });

  it.each([
    ['a fifth, where that is little', 1_000, [1_000], 200],
    ['at most 500', 20_000, [5_000], 500],
    ['at most half of the smallest window', 20_000, [300, 5_000], 150],
    ['not so few that chance decides', 60, [60], 12],
  ])('holds out %s', (_, rows, windows, held) => {
    for (const { holdout } of planCandidates(rows, order({ windows })))
      expect(holdout).toEqual({ from: rows - held, to: rows });
  });

  it('makes one of windows that come to the same', () => {
    expect(planCandidates(3_000, order()).map(({ name }) => name)).toEqual([
      'trees on the newest 1000 rows',
      'trees on the newest 3000 rows',
      'linear on the newest 1000 rows',
      'linear on the newest 3000 rows',
    ]);
  });

  it('tells two trainers of a kind apart', () => {
    const [trees] = trainers;
    const names = planCandidates(
      1_000,
      order({ trainers: [trees!, { ...trees!, kind: 'trees', rounds: 10 } as never] }),
    ).map(({ name }) => name);
    expect(names).toEqual(['trees 1 on the newest 1000 rows', 'trees 2 on the newest 1000 rows']);
  });
});

describe('trainCandidate', () => {
  const data = twoClasses({ rows: 3_000, width: 3, seed: 5 });
  const [plan] = planCandidates(data.rows, order({ windows: [3_000] })) as [CandidatePlan];

  it('stops by the validation rows, and takes as many rounds in the end', () => {
    const { model, rounds } = trainCandidate(data, plan);
    expect(rounds).toBeGreaterThan(2);
    expect(rounds).toBeLessThan(100);
    expect(model.kind === 'trees' && model.trees.length).toBe(rounds);
  });

  it('does not look at the holdout before it measures, and learns from it afterwards', () => {
    const before = trainCandidate(data, plan);
    const labels = data.labels.map((label, row) => (row >= plan.holdout.from ? 1 - label : label));
    const after = trainCandidate({ ...data, labels }, plan);
    expect(after.rounds).toBe(before.rounds);
    expect(after.metrics['accuracy']).toBeCloseTo(1 - (before.metrics['accuracy'] ?? 0), 10);
    expect(after.model).not.toEqual(before.model);
  });

  it('measures the baselines on the same rows', () => {
    const { baseline, metrics } = trainCandidate(data, plan);
    const { labels } = rowsOf(data, plan.holdout);
    const same = labels.filter(
      (label, i) => label === (i === 0 ? data.labels[plan.holdout.from - 1] : labels[i - 1]),
    ).length;
    expect(baseline['previousLabelAccuracy']).toBe(same / labels.length);
    expect(baseline['kappa']).toBe(0);
    expect(baseline['loss']).toBeCloseTo(Math.LN2, 2);
    expect(metrics['loss']).toBeLessThan(0.45);
  });
});
