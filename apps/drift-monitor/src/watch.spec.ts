import type { Predicted } from '@gyre/contracts';
import { draws, Fold, modelOf } from './fold.fixture.js';

const sure = (right: boolean) => (right ? [0.1, 0.9] : [0.9, 0.1]);

describe('the watch while a split is in force', () => {
  it.each([2, 4])(
    'knows the slices and the inputs of the champion and of %i arms, however the answers alternate',
    (count) => {
      const spec = modelOf('binary', 'drift: { windowOutcomes: 200, falseAlarms: 1 per 10000 rows }');
      const fold = new Fold();
      fold.applies(spec);
      const arms = Array.from({ length: count }, (_, i) => i + 2);
      for (const version of [1, ...arms]) fold.registers(version, { loss: 0.9 });
      fold.serves(1, arms);
      const draw = draws(3);
      const versions = [1, ...arms];
      const round = (wrong: (x: number) => number, x: () => number) => {
        for (let row = 0; row < 50; row++)
          for (const version of versions) {
            const features = [x(), draw()];
            fold.answers({ version, features, output: sure(draw() >= (version === 1 ? wrong(features[0]!) : 0.2)) }, 1);
          }
        fold.saves();
      };
      for (let i = 0; i < 20; i++) round(() => 0.2, draw);
      for (let i = 0; i < 6; i++) round((x) => (x > 0.75 ? 0.95 : 0.2), draw);
      fold.ticks();
      fold.ticks();
      const [newest] = [...fold.told('IncidentOpened'), ...fold.told('IncidentUpdated')].slice(-1);
      expect(newest?.causes[0]).toMatchObject({ kind: 'segment', name: 'v.x' });
      // Inputs that moved are found in windows that only fill where the watch is not forgotten in between.
      for (let i = 0; i < 8; i++)
        for (const version of versions) {
          const rows = Array.from({ length: 30 }, () =>
            fold.answers({ version, features: [0.9 + draw() / 10, draw()], output: sure(draw() < 0.8) }, 1),
          );
          fold.measures(spec, version, rows);
          fold.saves();
        }
      const moved = fold.told('DriftDetected').filter(({ kind }) => kind === 'covariate');
      expect(moved.map(({ version, feature }) => [version, feature])).toEqual(
        versions.map((version) => [version, 'v.x']),
      );
    },
  );
});

describe('a rise of the error', () => {
  it('is explained better as rows come, across restarts too', () => {
    const told = (restarts: boolean) => {
      const fold = new Fold();
      fold.applies(modelOf('binary'));
      fold.registers(1, { loss: 0.9 });
      fold.serves(1);
      const draw = draws(7);
      const lives = (rows: number, wrong: (x: number) => number) => {
        for (let row = 1; row <= rows; row++) {
          const features = [draw(), draw()];
          fold.answers({ features, output: sure(draw() >= wrong(features[0]!)) }, 1);
          if (row % 5 !== 0) continue;
          fold.ticks();
          if (restarts) fold.saves();
        }
      };
      lives(1_500, (x) => (x > 0.4 && x < 0.6 ? 0.3 : 0.05));
      lives(600, (x) => (x > 0.4 && x < 0.6 ? 0.3 : 0.95));
      return [...fold.told('IncidentOpened'), ...fold.told('IncidentUpdated')];
    };
    const events = told(false);
    expect(events.map(({ causes }) => causes[0]?.name)).toEqual(['', 'v.x']);
    expect(told(true)).toEqual(events);
  });
});

describe('what an incident cost', () => {
  it('is told against the error before it, however long it has lasted and whatever has come on top', () => {
    const fold = new Fold();
    fold.applies(modelOf('binary'));
    fold.registers(1, { loss: 0.9 });
    fold.serves(1);
    const draw = draws(6);
    const lives = (rows: number, wrong: number) => {
      for (let row = 0; row < rows; row++) fold.answers({ output: sure(draw() >= wrong) }, 1);
      fold.ticks();
    };
    lives(1_500, 0.1);
    lives(1_200, 0.45);
    lives(600, 0.95);
    fold.serves(2);
    fold.ticks();
    fold.ticks();
    expect(fold.told('IncidentOpened')).toHaveLength(1);
    const [closed] = fold.told('IncidentClosed');
    expect(closed?.loss?.before).toBeGreaterThan(0.07);
    expect(closed?.loss?.before).toBeLessThan(0.13);
    expect(closed?.loss?.after).toBeGreaterThan(0.8);
  });
});

describe('a window of performance', () => {
  it('goes on after a restart, for each version and for all', () => {
    const measured = [true, false].map((isRestarted) => {
      const fold = new Fold();
      fold.applies(modelOf('binary', 'drift: { windowOutcomes: 90 }'));
      for (let row = 0; row < 90; row++) {
        fold.answers({ version: row < 30 ? null : 1 + (row % 2), output: sure(row % 7 > 0) }, 1);
        if (isRestarted && row % 20 === 9) fold.saves();
      }
      return fold.performance;
    });
    expect(measured[0]).toMatchObject([{ versions: [{ labels: 30 }, { labels: 30 }, { labels: 30 }] }]);
    expect(measured[0]).toEqual(measured[1]);
  });
});

describe('the watch of a regression', () => {
  /** Rows whose absolute errors are exponential with this mean. */
  const lives = (fold: Fold, rows: number, error: (row: number) => number, draw: () => number, version = 1) => {
    for (let row = 0; row < rows; row++) {
      fold.answers({ version, features: [draw(), draw()], output: [100 - error(row) * Math.log(1 - draw())] }, 100);
      if (row % 50 === 49) fold.ticks();
      if (row % 400 === 399) fold.saves();
    }
  };
  const begun = (metrics: Record<string, number> | null) => {
    const fold = new Fold();
    fold.applies(modelOf('regression'));
    if (metrics !== null) fold.registers(1, metrics);
    fold.serves(1);
    return fold;
  };

  it("tells a rise in the label's unit, with how many times as large it is, and once", () => {
    const fold = begun({ mae: 40, rows: 400 });
    lives(fold, 1_500, () => 40, draws(1));
    expect(fold.told('DriftDetected')).toEqual([]);
    lives(fold, 400, () => 72, draws(2));
    const [drift] = fold.told('DriftDetected');
    expect(drift?.reason).toMatch(
      /^the mean absolute error of version 1 rose from \d\d\.\d to \d\d\.\d \(\d\.\d times\) about \d+ labels ago \(e-detector, after \d+ labels\)$/,
    );
    expect(drift?.metric).toBe('mae');
    expect(drift?.before).toBeGreaterThan(34);
    expect(drift?.before).toBeLessThan(46);
    expect(drift?.after).toBeGreaterThan(55);
    const [incident] = fold.told('IncidentOpened');
    const words = drift?.reason.replace(/ \(e-detector.*/, '');
    expect(incident?.causes.find(({ kind }) => kind === 'error')?.words).toBe(words);
    expect(incident?.loss).toMatchObject({ by: 'measured', metric: 'mae', before: drift?.before, after: drift?.after });
  });

  it.each([
    ['warning', 1.35],
    ['critical', 2.5],
  ])('calls it %s where the error is %d times what it was', (severity, times) => {
    const fold = begun(null);
    lives(fold, 3_000, () => 8, draws(5));
    lives(fold, 700, () => 8 * times, draws(6));
    const [newest] = [...fold.told('IncidentOpened'), ...fold.told('IncidentUpdated')].slice(-1);
    expect(newest).toMatchObject({ kind: 'concept', severity });
  });

  it('finds a rise that is gradual, with a holdout and without', () => {
    for (const metrics of [{ mae: 10, rows: 300 }, null])
      for (let seed = 1; seed <= 4; seed++) {
        const fold = begun(metrics);
        const draw = draws(seed);
        lives(fold, 1_000, () => 10, draw);
        expect(fold.told('DriftDetected')).toEqual([]);
        // Doubled over 2,000 labels: at no time much larger than lately.
        lives(fold, 2_000, (row) => 10 * (1 + row / 2_000), draw);
        expect(fold.told('DriftDetected').length).toBeGreaterThan(0);
      }
  });

  it('is not upset by a first error that is far smaller than the others', () => {
    const fold = begun(null);
    fold.answers({ output: [100.0001] }, 100);
    lives(fold, 4_000, () => 8, draws(9));
    expect(fold.told('DriftDetected')).toEqual([]);
  });

  it('says of a version that is worse than promised what its error is and should be', () => {
    const fold = begun({ mae: 10, rows: 400 });
    lives(fold, 600, () => 17, draws(4));
    expect(fold.told('PerformanceDropped')).toMatchObject([{ metric: 'mae', reference: 10 }]);
    expect(fold.told('PerformanceDropped')[0]?.reason).toMatch(
      /^version 1 has a mean absolute error of 1\d\.\d over a window, more than the 10\.0 of its holdout$/,
    );
  });
});

describe('the promise of a holdout', () => {
  it('is held against a version with the doubt that its rows leave', () => {
    const drops = (rows: number) => {
      const fold = new Fold();
      fold.applies(modelOf('regression', 'drift: { falseAlarms: 1 per 1000 rows }'));
      fold.registers(1, { mae: 10, rows });
      fold.serves(1);
      const draw = draws(8);
      for (let row = 0; row < 500; row++) fold.answers({ output: [100 - 13 * Math.log(1 - draw())] }, 100);
      return fold.told('PerformanceDropped').length;
    };
    expect([drops(5_000), drops(20)]).toEqual([1, 0]);
  });
});

describe('new settings', () => {
  it('of a season begin its baselines afresh', () => {
    const day = 86_400_000;
    const fold = new Fold();
    fold.applies(modelOf('binary', 'drift: { seasonality: 1d }'));
    fold.registers(1, { loss: 0.9 });
    fold.serves(1);
    const draw = draws(2);
    let time = 0;
    const lives = (rows: number, wrong: (time: number) => number) => {
      for (let row = 0; row < rows; row++)
        fold.answers({ occurredAt: (time += day / 96), output: sure(draw() >= wrong(time)) }, 1);
      fold.saves();
    };
    lives(4_000, (at) => (at % day < day / 2 ? 0.05 : 0.6));
    fold.applies(modelOf('binary', 'drift: { seasonality: 7d }'));
    // Of the day's phases half would say that this is a rise; of the week's nothing is known yet.
    lives(2_000, () => 0.6);
    expect(fold.told('DriftDetected')).toEqual([]);
  });

  it('of the dial find the margin again that goes with it', () => {
    const fold = new Fold();
    const margin = () => fold.state.versions.errors[0]?.margin?.alarms;
    const lives = (rows: number) => {
      for (let row = 0; row < rows; row++) fold.answers({ output: sure(row % 5 !== 0) }, 1);
      fold.saves();
    };
    fold.applies(modelOf('binary', 'drift: { falseAlarms: 1 per 5000 rows }'));
    fold.registers(1, { loss: 0.9 });
    lives(300);
    expect(margin()).toBe(1 / 10_000);
    fold.applies(modelOf('binary', 'drift: { falseAlarms: 1 per 500 rows }'));
    expect(margin()).toBeUndefined();
    lives(1);
    expect(margin()).toBe(1 / 1_000);
  });

  it('of segments count the new ones alone', () => {
    const fold = new Fold();
    fold.applies(modelOf('binary', 'drift: { windowOutcomes: 100, segments: [v.x] }'));
    const lives = (rows: number) => {
      for (let row = 0; row < rows; row++) fold.answers({ features: [7, 8], output: sure(true) }, 1);
    };
    lives(50);
    fold.applies(modelOf('binary', 'drift: { windowOutcomes: 100, segments: [v.z] }'));
    lives(50);
    expect(fold.performance[0]?.segments).toMatchObject([{ feature: 'v.z', value: '8', rows: 50 }]);
  });

  it('of other inputs do not compare with what the version was trained on', () => {
    const fold = new Fold();
    const spec = modelOf('binary', 'drift: { windowOutcomes: 200 }', '[v.x, v.z]');
    fold.applies(spec);
    fold.registers(1, { loss: 0.9 });
    fold.serves(1);
    const draw = draws(4);
    const row = (): Predicted => fold.answers({ features: [draw(), draw()], output: sure(true) }, 1);
    fold.measures(spec, 1, Array.from({ length: 150 }, row));
    const other = modelOf('binary', 'drift: { windowOutcomes: 200 }', '[v.z, v.w]');
    fold.applies(other);
    fold.saves();
    const moved = () => fold.answers({ features: [0.95, 0.95], output: sure(true) }, 1);
    fold.measures(other, 1, Array.from({ length: 300 }, moved), ['v.z', 'v.w']);
    expect(fold.told('DriftDetected')).toEqual([]);
  });
});

describe('a version whose answers are heard of before it is', () => {
  it('is watched in full once it is known, across restarts', () => {
    const spec = modelOf('binary', 'drift: { windowOutcomes: 200, seasonality: learned }');
    const fold = new Fold();
    fold.applies(spec);
    const draw = draws(4);
    const row = (x: () => number) => fold.answers({ features: [x(), draw()], output: sure(draw() < 0.8) }, 1);
    fold.measures(
      spec,
      1,
      Array.from({ length: 60 }, () => row(draw)),
    );
    fold.saves();
    fold.registers(1, { loss: 0.9 });
    fold.serves(1);
    fold.saves();
    fold.measures(
      spec,
      1,
      Array.from({ length: 60 }, () => row(draw)),
    );
    fold.saves();
    fold.measures(
      spec,
      1,
      Array.from({ length: 300 }, () => row(() => 0.9 + draw() / 10)),
    );
    expect(fold.told('DriftDetected')).toMatchObject([{ kind: 'covariate', feature: 'v.x' }]);
  });

  it('is watched by its season, too', () => {
    const fold = new Fold();
    fold.applies(modelOf('binary', 'drift: { seasonality: learned }'));
    for (let i = 0; i < 50; i++) fold.answers({ output: sure(true) }, 1);
    fold.registers(1, { loss: 0.9 }, { period: 60_000 });
    for (let i = 0; i < 200; i++) fold.answers({ output: sure(i % 5 !== 0) }, 1);
    expect(fold.told('DriftDetected')).toEqual([]);
  });
});

describe('fairness', () => {
  const unequal = (fold: Fold, rows: number, version: number, gap: boolean) => {
    for (let row = 0; row < rows; row++) {
      const group = row % 2;
      const answer = gap ? group : (row >> 1) % 2;
      fold.answers({ version, features: [group, 0.5], output: sure(answer === 1) }, (row >> 2) % 2);
      if (row % 50 === 49) fold.ticks();
    }
  };
  const begun = () => {
    const fold = new Fold();
    fold.applies(modelOf('binary', 'drift: { windowOutcomes: 200, fairness: [v.x] }'));
    return fold;
  };

  it("is asked of the champion's answers alone", () => {
    const fold = begun();
    fold.serves(1, [2]);
    for (let i = 0; i < 20; i++) {
      unequal(fold, 40, 1, false);
      unequal(fold, 40, 2, true);
    }
    expect(fold.told('IncidentOpened')).toEqual([]);
    const rows = fold.performance.map(({ fairness }) =>
      Object.values(fairness?.[0]?.groups ?? {}).reduce((sum, one) => sum + one.rows, 0),
    );
    expect(rows.reduce((sum, one) => sum + one, 0)).toBe(800);
  });

  it('that is lost again under the next champion is told again', () => {
    const fold = begun();
    fold.serves(1);
    unequal(fold, 400, 1, true);
    fold.serves(2);
    unequal(fold, 400, 2, true);
    expect(fold.told('DriftDetected').map(({ version, kind }) => [version, kind])).toEqual([
      [1, 'fairness'],
      [2, 'fairness'],
    ]);
  });
});
