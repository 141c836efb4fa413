import {
  topics,
  type Lifecycle,
  type LifecycleOf,
  type LifecycleType,
  type Outcome,
  type Predicted,
  type ReferenceRows,
} from '@gyre/contracts';
import { binnedRow, referenceBins } from '@gyre/drift';
import { readSpecs } from '@gyre/hosting';
import { EmbeddedPlatform } from '@gyre/platform';
import { candidateOf } from './candidate.fixture.js';
import { detect } from './detect.js';
import { inputs } from './inputs.js';
import { KnownVersions } from './known-versions.js';

/** A world of four inputs and a model that is wrong in one answer of five. `spoil` changes what it is fed, or how often it is wrong. */
export interface Row {
  features: (number | null)[];
  /** The chance that the answer is wrong. */
  wrong: number;
  /** The probability that is answered; 0.9 unless said otherwise. */
  sure?: number;
  /** The answer; either by chance unless said otherwise. */
  answer?: 0 | 1;
}
export type Spoil = (row: Row, chance: () => number, at: number) => Row;

const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
const STEP = 50;
const FEATURES = ['v.x', 'v.z', 'v.cat', 'v.w'];

/** The monitor's folds on a platform in memory, and a model that they watch. */
export class World {
  private readonly chance = random(1);
  private sent = 0;

  private constructor(
    readonly platform: EmbeddedPlatform,
    private readonly msPerRow: number,
  ) {}

  /** @param drift what the spec says of it @param period of the season that the training data showed, ms */
  static async begin(
    drift = '',
    { partitions = 1, msPerRow = 1_000, period = null as number | null } = {},
  ): Promise<World> {
    const platform = EmbeddedPlatform.inMemory({ partitions });
    const text = `kind: FeatureView\nname: v\nentity: e\nfields: { x: { type: float, nullable: true }, z: float, cat: int, w: float }\n---\nkind: Model\nname: m\nfeatures: [v.*]\nlabel: { name: y, type: binary }\ndrift: { ${drift} }\n`;
    const [spec] = readSpecs(text, 'spec.yaml').models;
    const known = new KnownVersions();
    const events = lifecycle(spec as NonNullable<typeof spec>, period);
    for (const event of events) known.apply(event);
    platform.run(
      inputs({
        model: () => spec,
        training: (model, version) => known.training(model, version),
      }),
    );
    platform.run(detect);
    await platform.append(topics.lifecycle, events);
    await platform.settled();
    return new World(platform, msPerRow);
  }

  /** Rows go round in steps as in a replay: predictions, then labels, then a tick, each with all that follows. */
  async lives(rows: number, spoil: Spoil = (row) => row): Promise<void> {
    for (let done = 0; done < rows; done += STEP) {
      const predicted = await this.predicts(spoil);
      await this.platform.append(
        topics.outcomes,
        predicted.map(([one, label]): Outcome => {
          return { kind: 'joined', model: 'm', prediction: one.id, occurredAt: one.occurredAt, label, predicted: one };
        }),
      );
      await this.platform.settled();
      await this.ticks();
    }
  }

  /** Predictions whose labels have not come. */
  async livesUnlabelled(rows: number, spoil: Spoil): Promise<void> {
    for (let done = 0; done < rows; done += STEP) {
      await this.predicts(spoil);
      await this.ticks();
    }
  }

  /** Requests that were answered an error, as the gateway records them. */
  async fails(requests: number): Promise<void> {
    const one = (n: number): Predicted => ({
      id: `f${n}`,
      model: 'm',
      occurredAt: this.sent * this.msPerRow,
      request: null,
      entity: null,
      features: [],
      seen: null,
      version: 1,
      fallback: null,
      output: [],
      rollout: null,
      shadows: [],
      failure: { code: 'DEADLINE_EXCEEDED', requests: 1 },
    });
    await this.platform.append(
      topics.predictions,
      Array.from({ length: requests }, (_, n) => one(n)),
    );
    await this.platform.settled();
    await this.ticks();
  }

  async serves(version: number): Promise<void> {
    await this.platform.append(topics.lifecycle, [serving(version)]);
  }

  private async predicts(spoil: Spoil): Promise<[Predicted, number][]> {
    const predicted = Array.from({ length: STEP }, () => {
      const at = this.sent * this.msPerRow;
      return this.prediction(spoil(healthy(this.chance), this.chance, at), at);
    });
    await this.platform.append(
      topics.predictions,
      predicted.map(([one]) => one),
    );
    await this.platform.settled();
    return predicted;
  }

  private async ticks(): Promise<void> {
    await this.platform.tick(this.sent * this.msPerRow);
    await this.platform.settled();
  }

  private prediction(
    { features, wrong, sure: probability = 0.9, answer }: Row,
    occurredAt: number,
  ): [Predicted, number] {
    const n = this.sent++;
    const drawn = this.chance() < 0.5 ? 0 : 1;
    const isWrong = this.chance() < wrong;
    const sure = answer ?? (isWrong ? 1 - drawn : drawn);
    const label = isWrong ? 1 - sure : sure;
    const nothing = { seen: null, fallback: null, rollout: null, shadows: [], entity: null };
    const predicted = {
      ...nothing,
      id: `p${n}`,
      model: 'm',
      occurredAt,
      request: `row-${n}`,
      features,
      version: 1,
      output: sure === 1 ? [1 - probability, probability] : [probability, 1 - probability],
    };
    return [predicted, label];
  }

  async told(...types: LifecycleType[]): Promise<Lifecycle[]> {
    const found: Lifecycle[] = [];
    for await (const { event } of this.platform.read(topics.lifecycle))
      if (types.includes(event.type)) found.push(event);
    return found;
  }

  async incidents() {
    return (await this.told('IncidentOpened', 'IncidentUpdated', 'IncidentClosed')) as LifecycleOf<
      'IncidentOpened' | 'IncidentUpdated' | 'IncidentClosed'
    >[];
  }

  async opened() {
    return (await this.incidents()).filter(({ type }) => type === 'IncidentOpened');
  }

  async newest() {
    return (await this.incidents()).at(-1);
  }

  close(): Promise<void> {
    return this.platform.close();
  }
}

function lifecycle(spec: LifecycleOf<'ModelApplied'>['spec'], period: number | null): Lifecycle[] {
  const draw = random(99);
  const training = Array.from({ length: 2_500 }, () => healthy(draw).features);
  const reference = FEATURES.map((feature, f) => ({
    feature,
    ...referenceBins(training.map((row) => row[f] ?? null)),
  }));
  const rows = training
    .slice(0, 256)
    .map((row) => binnedRow(reference, row))
    .join('');
  const together: ReferenceRows = { rows, period };
  const candidate = candidateOf({ loss: 0.9 }, { loss: 0.95 });
  const finished = { run: 'r', trigger: 'bootstrap', candidates: [candidate], reference, together, failure: null };
  return [
    { ...base, type: 'ModelApplied', spec },
    { ...base, type: 'TrainingFinished', ...finished },
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

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
