import {
  topics,
  type Lifecycle,
  type LifecycleOf,
  type LifecycleType,
  type Outcome,
  type Predicted,
} from '@gyre/contracts';
import { referenceBins } from '@gyre/drift';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { detect } from './detect.js';
import { inputs } from './inputs.js';
import { KnownVersions } from './known-versions.js';

/** A world of four inputs and a model that is wrong in one answer of five. `spoil` changes what it is fed, or how often it is wrong. */
interface Row {
  features: (number | null)[];
  /** The chance that the answer is wrong. */
  wrong: number;
  /** The probability that is answered; 0.9 unless said otherwise. */
  sure?: number;
}
type Spoil = (row: Row, chance: () => number) => Row;

const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
const STEP = 50;
let platform: EmbeddedPlatform;
let chance: () => number;
let sent: number;

beforeEach(() => begin());
afterEach(() => platform.close());

async function begin(drift = '', partitions = 1): Promise<void> {
  [chance, sent] = [random(1), 0];
  platform = EmbeddedPlatform.inMemory({ partitions });
  const text = `kind: FeatureView\nname: v\nentity: e\nfields: { x: { type: float, nullable: true }, z: float, cat: int, w: float }\n---\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\ndrift: { ${drift} }\n`;
  const [spec] = readSpecs(text, 'spec.yaml').models;
  const known = new KnownVersions();
  const events = lifecycle(spec as NonNullable<typeof spec>);
  for (const event of events) known.apply(event);
  platform.run(
    inputs({
      model: () => spec,
      reference: (model, version) => known.reference(model, version),
    }),
  );
  platform.run(detect);
  await platform.append(topics.lifecycle, events);
  await settled();
}

function lifecycle(spec: LifecycleOf<'ModelApplied'>['spec']): Lifecycle[] {
  const draw = random(99);
  const training = Array.from({ length: 2_500 }, () => healthy(draw).features);
  const reference = ['v.x', 'v.z', 'v.cat', 'v.w'].map((feature, f) => ({
    feature,
    ...referenceBins(training.map((row) => row[f] ?? null)),
  }));
  const candidate = {
    ...{ name: 'trees', trainer: 'trees', trainingRows: 1_000, onnx: 'a'.repeat(64), manifest: 'b'.repeat(64) },
    ...{ metrics: { loss: 0.9 }, baseline: { loss: 0.95 }, onnxDifferenceMax: 0 },
  };
  return [
    { ...base, type: 'ModelApplied', spec },
    {
      ...base,
      type: 'TrainingFinished',
      run: 'r',
      trigger: 'bootstrap',
      candidates: [candidate],
      reference,
      failure: null,
    },
    { ...base, type: 'VersionRegistered', version: 1, run: 'r', candidate, gates: [] },
    serving(1),
  ];
}

function serving(version: number): Lifecycle {
  const champion = { version, onnx: 'a'.repeat(64) };
  return { ...base, type: 'ServingChanged', champion, previous: null, shadows: [], rollout: null };
}

function healthy(draw: () => number): Row {
  const category = draw();
  const cat = category < 0.1 ? 0 : category < 0.3 ? 1 : category < 0.6 ? 2 : 3;
  return { features: [draw() * 10, draw() + draw(), cat, draw() ** 2], wrong: 0.2 };
}

/** Rows go round in steps as in a replay: predictions, then labels, then a tick, each with all that follows. */
async function lives(rows: number, spoil: Spoil = (row) => row): Promise<void> {
  for (let done = 0; done < rows; done += STEP) {
    const predicted = Array.from({ length: STEP }, () => prediction(spoil(healthy(chance), chance)));
    await platform.append(
      topics.predictions,
      predicted.map(([one]) => one),
    );
    await settled();
    await platform.append(
      topics.outcomes,
      predicted.map(([one, label]): Outcome => {
        return { kind: 'joined', model: 'm', prediction: one.id, occurredAt: one.occurredAt, label, predicted: one };
      }),
    );
    await settled();
    await platform.tick(sent * 1_000);
    await settled();
  }
}

/** Predictions whose labels have not come. */
async function livesUnlabelled(rows: number, spoil: Spoil): Promise<void> {
  for (let done = 0; done < rows; done += STEP) {
    const predicted = Array.from({ length: STEP }, () => prediction(spoil(healthy(chance), chance))[0]);
    await platform.append(topics.predictions, predicted);
    await settled();
    await platform.tick(sent * 1_000);
    await settled();
  }
}

function prediction({ features, wrong, sure: probability = 0.9 }: Row): [Predicted, number] {
  const n = sent++;
  const label = chance() < 0.5 ? 0 : 1;
  const isWrong = chance() < wrong;
  const sure = isWrong ? 1 - label : label;
  const nothing = { seen: null, fallback: null, rollout: null, shadows: [], entity: null };
  const predicted = {
    ...{ ...nothing, id: `p${n}`, model: 'm', occurredAt: n * 1_000, request: `row-${n}`, features, version: 1 },
    output: sure === 1 ? [1 - probability, probability] : [probability, 1 - probability],
  };
  return [predicted, label];
}

const settled = () => platform.settled();

async function told(...types: LifecycleType[]): Promise<Lifecycle[]> {
  const found: Lifecycle[] = [];
  for await (const { event } of platform.read(topics.lifecycle)) if (types.includes(event.type)) found.push(event);
  return found;
}
const incidents = async () =>
  (await told('IncidentOpened', 'IncidentUpdated', 'IncidentClosed')) as LifecycleOf<
    'IncidentOpened' | 'IncidentUpdated' | 'IncidentClosed'
  >[];
const opened = async () => (await incidents()).filter(({ type }) => type === 'IncidentOpened');
const newest = async () => (await incidents()).at(-1);

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const nulls: Spoil = ({ features: [, ...rest] }, draw) =>
  draw() < 0.3 ? { features: [null, ...rest], wrong: 0.5 } : { features: [draw() * 10, ...rest], wrong: 0.2 };
const shifted: Spoil = ({ features: [x, z, ...rest], wrong }) => ({ features: [x!, z! + 0.8, ...rest], wrong });
const flipped: Spoil = ({ features }) => ({ features, wrong: 0.8 });
const swapped: Spoil = ({ features: [x, z, cat, w] }) => {
  const seen = [3, 1, 2, 0][cat!]!;
  return { features: [x!, z!, seen, w!], wrong: seen === cat ? 0.2 : 0.75 };
};

describe('an incident', () => {
  it('is not made of a stream that stays as it is', async () => {
    await lives(4_000);
    expect(await incidents()).toEqual([]);
    expect(await told('DriftDetected', 'PerformanceDropped')).toEqual([]);
  });

  it('of a burst of nulls is one of data quality, though the error rises with it', async () => {
    await lives(2_000);
    await lives(1_500, nulls);
    expect(await opened()).toMatchObject([{ kind: 'quality', pages: true }]);
    expect((await newest())?.causes[0]).toMatchObject({ kind: 'feature', name: 'v.x', before: 0 });
    const [first] = await opened();
    expect(first?.reason).toMatch(
      /data quality, not drift: v\.x is missing in \d\d\.\d % of the rows \(0\.0 % in training\)/,
    );
  });

  it('of inputs that moved at the same loss is covariate drift, and pages nobody', async () => {
    await lives(2_000);
    await lives(2_000, shifted);
    expect(await incidents()).toMatchObject([
      { type: 'IncidentOpened', kind: 'covariate', severity: 'info', pages: false },
    ]);
    const [incident] = await opened();
    expect(incident?.causes[0]).toMatchObject({ name: 'v.z' });
    expect(incident?.reason).toMatch(
      /the error did not rise \(\d\d\.\d % before, \d\d\.\d % now\), so nobody is woken/,
    );
  });

  it('of flipped labels is concept drift, and pages', async () => {
    await lives(2_000);
    await lives(500, flipped);
    expect(await opened()).toMatchObject([{ kind: 'concept', severity: 'critical', pages: true }]);
    const [incident] = await opened();
    expect(incident?.causes).toMatchObject([{ kind: 'error' }]);
    expect(Number(incident?.at.request?.slice(4))).toBeLessThan(2_060);
  });

  it('of a swapped encoding of a category names that feature first', async () => {
    await lives(2_000);
    await lives(1_500, swapped);
    expect(await opened()).toMatchObject([{ kind: 'concept', pages: true }]);
    for (const { causes } of await incidents()) expect(causes[0]?.name).toBe('v.cat');
  });

  it('names the slice in which the error rose, where the inputs look as before', async () => {
    await lives(2_000);
    await lives(500, ({ features }) => ({ features, wrong: features[0]! > 7 ? 0.9 : 0.2 }));
    const [incident] = await opened();
    expect(incident?.causes[0]).toMatchObject({ kind: 'segment', name: 'v.x' });
    expect(incident?.causes[0]?.words).toMatch(
      /where v\.x is .* the error went from \d+\.\d % to \d+\.\d % \(\d+ of \d+ rows/,
    );
  });

  it('is closed when it is over, and the next is another one', async () => {
    await lives(2_000);
    await lives(500, flipped);
    await lives(2_000);
    await lives(500, flipped);
    expect((await incidents()).map(({ type, incident }) => [type, incident])).toEqual([
      ['IncidentOpened', 'm-incident-1'],
      ['IncidentClosed', 'm-incident-1'],
      ['IncidentOpened', 'm-incident-2'],
    ]);
  });

  it('is closed when another version serves, and is none of a version that does not', async () => {
    await lives(2_000);
    await lives(200, flipped);
    await platform.append(topics.lifecycle, [serving(2)]);
    await lives(1_000, flipped);
    expect((await incidents()).map(({ type }) => type)).toEqual(['IncidentOpened', 'IncidentClosed']);
    expect(await newest()).toMatchObject({ outcome: 'replaced', version: 1 });
  });

  it('is opened without labels too', async () => {
    await livesUnlabelled(600, nulls);
    expect(await opened()).toMatchObject([{ kind: 'quality', loss: null }]);
  });

  it('of inputs that moved pages where no labels have come, but such answers were wrong', async () => {
    const doubtful: Spoil = ({ features }) =>
      features[1]! > 1.2 ? { features, wrong: 0.45, sure: 0.55 } : { features, wrong: 0.1 };
    await lives(3_000, doubtful);
    expect(await incidents()).toEqual([]);
    await livesUnlabelled(1_000, (row, draw) => doubtful(shifted(row, draw), draw));
    expect((await opened()).find(({ kind }) => kind === 'covariate')).toMatchObject({
      pages: true,
      loss: { by: 'estimated' },
    });
    const [incident] = await opened();
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
      (await told('DriftDetected')).map((event) => {
        const { kind, feature, before, after, observations } = event as LifecycleOf<'DriftDetected'>;
        return { kind, feature, before, after, observations };
      });
    await lives(2_000, shifted);
    const whole = await verdicts();
    expect(whole).not.toEqual([]);
    await platform.close();
    await begin('', 4);
    await lives(2_000, shifted);
    expect(await verdicts()).toEqual(whole);
  });
});
