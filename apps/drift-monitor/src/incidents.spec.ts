import type { LifecycleOf } from '@gyre/contracts';
import { World, type Spoil } from './world.fixture.js';

let world: World;
beforeEach(async () => {
  world = await World.begin();
});
afterEach(() => world.close());

const nulls: Spoil = ({ features: [, ...rest] }, draw) =>
  draw() < 0.3 ? { features: [null, ...rest], wrong: 0.5 } : { features: [draw() * 10, ...rest], wrong: 0.2 };
const shifted: Spoil = ({ features: [x, z, ...rest], wrong }) => ({ features: [x!, z! + 0.8, ...rest], wrong });
const flipped: Spoil = ({ features }) => ({ features, wrong: 0.8 });
const swapped: Spoil = ({ features: [x, z, cat, w] }) => {
  const seen = [3, 1, 2, 0][cat!]!;
  return { features: [x!, z!, seen, w!], wrong: seen === cat ? 0.2 : 0.75 };
};

/** Ranges of x, as if it were a code of five, and how often the model is wrong in each. */
const wrongBy = (x: number, wrong = [0.01, 0.07, 0.3, 0.08, 0.01]) => wrong[Math.floor(x / 2)]!;
const coded: Spoil = ({ features }) => ({ features, wrong: wrongBy(features[0]!) });
/** Each code as often as before; only the one in the middle means what it did. */
const recoded: Spoil = ({ features }) => ({ features, wrong: wrongBy(features[0]!, [0.98, 0.91, 0.26, 0.87, 0.99]) });
const turned: Spoil = ({ features }) => ({ features, wrong: 1 - wrongBy(features[0]!) });

describe('an incident', () => {
  it('is not made of a stream that stays as it is', async () => {
    await world.lives(4_000);
    expect(await world.incidents()).toEqual([]);
    expect(await world.told('DriftDetected', 'PerformanceDropped')).toEqual([]);
  });

  it('is not made of requests that failed: nobody was answered from what they lack', async () => {
    await world.lives(1_000);
    await world.fails(400);
    await world.lives(1_000);
    expect(await world.incidents()).toEqual([]);
  });

  it('of a burst of nulls is one of data quality, though the error rises with it', async () => {
    await world.lives(2_000);
    await world.lives(1_500, nulls);
    expect(await world.opened()).toMatchObject([{ kind: 'quality', pages: true }]);
    expect((await world.newest())?.causes[0]).toMatchObject({ kind: 'feature', name: 'v.x', before: 0 });
    const [first] = await world.opened();
    expect(first?.reason).toMatch(
      /data quality, not drift: v\.x is missing in \d\d\.\d % of the rows \(0\.0 % in training\)/,
    );
  });

  it('of nulls alone is not one of inputs that hang together otherwise', async () => {
    await world.lives(2_000);
    await world.lives(1_500, ({ features: [x, ...rest], wrong }, chance) => ({
      features: [chance() < 0.7 ? null : x!, ...rest],
      wrong,
    }));
    const told = await world.told('DriftDetected');
    expect(told.map((event) => (event as LifecycleOf<'DriftDetected'>).kind)).toEqual(['quality']);
  });

  it('of inputs that moved at the same loss is covariate drift, and pages nobody', async () => {
    await world.lives(2_000);
    await world.lives(2_000, shifted);
    expect(await world.incidents()).toMatchObject([
      { type: 'IncidentOpened', kind: 'covariate', severity: 'info', pages: false },
    ]);
    const [incident] = await world.opened();
    expect(incident?.causes[0]).toMatchObject({ name: 'v.z' });
    expect(incident?.reason).toMatch(
      /the error did not rise \(\d\d\.\d % before, \d\d\.\d % now\), so nobody is woken/,
    );
  });

  it('of flipped labels is concept drift, and pages', async () => {
    await world.lives(2_000);
    await world.lives(500, flipped);
    expect(await world.opened()).toMatchObject([{ kind: 'concept', severity: 'critical', pages: true }]);
    const [incident] = await world.opened();
    expect(incident?.causes).toMatchObject([{ kind: 'error' }]);
    expect(Number(incident?.at.request?.slice(4))).toBeLessThan(2_060);
  });

  it('of a swapped encoding of a category names that feature first', async () => {
    await world.lives(2_000);
    await world.lives(1_500, swapped);
    expect(await world.opened()).toMatchObject([{ kind: 'concept', pages: true }]);
    for (const { causes } of await world.incidents()) expect(causes[0]?.name).toBe('v.cat');
  });

  it('of a swap that leaves every value as frequent as it was names the feature first once that is certain, and keeps to it', async () => {
    await world.lives(2_000, coded);
    await world.lives(1_500, recoded);
    const incidents = await world.incidents();
    expect(incidents.map(({ type }) => type)).toEqual(['IncidentOpened', 'IncidentUpdated']);
    expect(incidents.at(-1)?.causes[0]).toMatchObject({ kind: 'segment', name: 'v.x' });
    expect(Number(incidents.at(-1)?.at.request?.slice(4))).toBeLessThan(2_350);
    expect(incidents.at(-1)?.causes[0]?.words).toMatch(/ the error went from \d\.\d % to 9\d\.\d %/);
  });

  it('of labels that are flipped in all rows alike names the error alone, with what it was before', async () => {
    await world.lives(2_000, coded);
    await world.lives(1_500, turned);
    await world.lives(2_000, coded);
    const incidents = await world.incidents();
    expect(await world.told('PerformanceDropped')).toHaveLength(1);
    expect(await world.opened()).toHaveLength(1);
    for (const { causes } of incidents) expect(causes).toMatchObject([{ kind: 'error' }]);
    const { type, loss } = incidents.at(-1)!;
    expect(type).toBe('IncidentClosed');
    expect(loss?.before).toBeCloseTo(0.094, 1);
    expect(loss?.before).toBeLessThan(0.15);
    expect(loss?.after).toBeGreaterThan(0.8);
  });

  it('is not opened again by what is told later of a rise, when the version that it was closed for returns', async () => {
    await world.lives(2_000, coded);
    await world.lives(50, turned);
    await world.serves(2);
    await world.lives(50, turned);
    await world.serves(1);
    await world.lives(250, turned);
    expect((await world.incidents()).map(({ type }) => type)).toEqual(['IncidentOpened', 'IncidentClosed']);
  });

  it('names the slice in which the error rose, where the inputs look as before', async () => {
    await world.lives(2_000);
    await world.lives(500, ({ features }) => ({ features, wrong: features[0]! > 7 ? 0.9 : 0.2 }));
    const [incident] = await world.opened();
    expect(incident?.causes[0]).toMatchObject({ kind: 'segment', name: 'v.x' });
    expect(incident?.causes[0]?.words).toMatch(
      /where v\.x is .* the error went from \d+\.\d % to \d+\.\d % \(\d+ of \d+ rows/,
    );
  });

  it('is closed when it is over, and the next is another one', async () => {
    await world.lives(2_000);
    await world.lives(500, flipped);
    await world.lives(2_000);
    await world.lives(500, flipped);
    expect((await world.incidents()).map(({ type, incident }) => [type, incident])).toEqual([
      ['IncidentOpened', 'm-incident-1'],
      ['IncidentClosed', 'm-incident-1'],
      ['IncidentOpened', 'm-incident-2'],
    ]);
  });

  it('is closed when another version serves, and is none of a version that does not', async () => {
    await world.lives(2_000);
    await world.lives(200, flipped);
    await world.serves(2);
    await world.lives(1_000, flipped);
    expect((await world.incidents()).map(({ type }) => type)).toEqual(['IncidentOpened', 'IncidentClosed']);
    expect(await world.newest()).toMatchObject({ outcome: 'replaced', version: 1 });
  });

  it('is opened without labels too', async () => {
    await world.livesUnlabelled(600, nulls);
    expect(await world.opened()).toMatchObject([{ kind: 'quality', loss: null }]);
  });

  it('of inputs that moved pages where no labels have come, but such answers were wrong', async () => {
    const doubtful: Spoil = ({ features }) =>
      features[1]! > 1.2 ? { features, wrong: 0.45, sure: 0.55 } : { features, wrong: 0.1 };
    await world.lives(3_000, doubtful);
    expect(await world.incidents()).toEqual([]);
    await world.livesUnlabelled(1_000, (row, draw) => doubtful(shifted(row, draw, 0), draw, 0));
    expect((await world.opened()).find(({ kind }) => kind === 'covariate')).toMatchObject({
      pages: true,
      loss: { by: 'estimated' },
    });
    const [incident] = await world.opened();
    expect(incident?.loss?.before).toBeCloseTo(0.21, 1);
    expect(incident?.loss?.after).toBeGreaterThan(0.3);
    expect(incident?.reason).toMatch(
      /no labels have judged it yet; by how right such answers were, the error goes from/,
    );
  });
});

describe('windows of partitions', () => {
  it('add up to what one partition would have seen', async () => {
    const verdicts = async () =>
      (await world.told('DriftDetected')).map((event) => {
        const { kind, feature, before, after, observations } = event as LifecycleOf<'DriftDetected'>;
        return { kind, feature, before, after, observations };
      });
    await world.lives(2_000, shifted);
    const whole = await verdicts();
    expect(whole).not.toEqual([]);
    await world.close();
    world = await World.begin('', { partitions: 4 });
    await world.lives(2_000, shifted);
    expect(await verdicts()).toEqual(whole);
  });
});

const HOUR = 3_600_000;

describe('an incident of inputs that hang together otherwise', () => {
  it('is told where none of them moved by itself, once, and pages nobody', async () => {
    await world.lives(1_500);
    // Every row's z is that of chance in training; now it follows x, with the same values as ever.
    await world.lives(1_500, ({ features: [x, , ...rest], wrong }) => ({
      features: [x!, triangular(x! / 10), ...rest],
      wrong,
    }));
    expect(await world.incidents()).toMatchObject([
      { type: 'IncidentOpened', kind: 'covariate', pages: false, causes: [{ kind: 'together' }] },
    ]);
    const [incident] = await world.opened();
    expect(incident?.reason).toMatch(/ROC AUC 0\.\d\d|principal components/);
  });
});

describe('an incident of unfairness', () => {
  const answers =
    (share: (cat: number) => number): Spoil =>
    (row, chance) => ({ ...row, answer: chance() < share(row.features[2]!) ? 1 : 0 });

  it('is one of its own name, beside what else is wrong, and is closed when groups are treated alike again', async () => {
    await world.close();
    world = await World.begin('fairness: [v.cat]');
    await world.lives(
      1_000,
      answers(() => 0.5),
    );
    expect(await world.incidents()).toEqual([]);
    await world.lives(
      1_000,
      answers((cat) => (cat === 3 ? 0.8 : 0.4)),
    );
    expect(await world.opened()).toMatchObject([{ kind: 'fairness', severity: 'warning', pages: true }]);
    const [incident] = await world.opened();
    expect(incident?.causes[0]).toMatchObject({ kind: 'group', name: 'v.cat' });
    expect(incident?.reason).toMatch(
      /groups are treated differently: rows with v\.cat 3 are answered 1 in (7|8)\d\.\d %, with [012] in \d\d\.\d %/,
    );
    expect(await world.told('DriftDetected')).toMatchObject([{ kind: 'fairness', feature: 'v.cat' }]);
    await world.lives(
      1_000,
      answers(() => 0.5),
    );
    expect(await world.newest()).toMatchObject({ type: 'IncidentClosed', kind: 'fairness', outcome: 'recovered' });
  });
});

describe('a season', () => {
  /** Inputs and errors that go up and down with the day. */
  const daily: Spoil = ({ features: [x, ...rest] }, _, at) => {
    const wave = Math.sin((2 * Math.PI * at) / (24 * HOUR));
    return { features: [x! + 4 * wave, ...rest], wrong: 0.2 + 0.15 * wave };
  };

  it('that the training data showed is no drift; watched without it, it is', async () => {
    await world.close();
    world = await World.begin('seasonality: learned, windowOutcomes: 100', { msPerRow: HOUR / 10, period: 24 * HOUR });
    await world.lives(6_000, daily);
    expect(await world.incidents()).toEqual([]);
    await world.close();
    world = await World.begin('windowOutcomes: 100', { msPerRow: HOUR / 10, period: 24 * HOUR });
    await world.lives(1_500, daily);
    expect(await world.opened()).not.toEqual([]);
  });
});

/** The value at this share of what the sum of two uniform numbers is distributed like. */
function triangular(share: number): number {
  return share < 0.5 ? Math.sqrt(2 * share) : 2 - Math.sqrt(2 * (1 - share));
}
