import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FeatureViewSpec,
  ModelSpec,
  predictionId,
  routingHash,
  topics,
  type FeatureValue,
  type Lifecycle,
  type ModelInForce,
  type OnlineRow,
  type OutcomeKind,
  type Predicted,
  type Topic,
} from '@gyre/contracts';
import { modelInput, rulesOf } from '@gyre/features';
import { EmbeddedPlatform, type Recorded } from '@gyre/platform';
import { archive } from './archive.js';
import { historyLayout, outcomesLayout, predictionsLayout } from './layouts.js';
import { OnlineReader } from './online-reader.js';
import { PredictionRecord } from './prediction-record.js';
import { online } from './online.js';
import { CommittedSegments } from './segments.js';
import { literal } from './staging.js';
import { trainingSetJob } from './training-job.js';
import type { TrainingManifest } from './training-manifest.js';
import { TrainingSets } from './training-set.js';
import { Warehouse } from './warehouse.js';

export interface Row {
  prediction: string;
  predictedAt: number;
  entity: string | null;
  label: number;
  features: (number | null)[];
}
export type Built = Extract<Lifecycle, { type: 'TrainingSetBuilt' }>;
export type Finished = Extract<Lifecycle, { type: 'TrainingFinished' }>;

export interface Shape {
  views: { name: string; ttl?: string; fields: Record<string, unknown> }[];
  /** References, as a model's spec has them, each view.field. */
  features: string[];
  partitions?: number;
  batchMin?: number;
  batchMax?: number;
  segmentsListed?: number;
}

const NO_KILL = '';

/** A feature store on an embedded platform, with the gateway and the drift monitor played by the test. */
export class StoreInTest {
  readonly dir = mkdtempSync(join(tmpdir(), 'feature-store-'));
  readonly model: ModelInForce;
  private readonly views: Map<string, FeatureViewSpec>;
  platform!: EmbeddedPlatform;
  warehouse!: Warehouse;
  sets!: TrainingSets;
  reader!: OnlineReader;
  past!: PredictionRecord;
  segments!: CommittedSegments;
  /** The step at which the process dies next; see EMBEDDED_STEPS. */
  private killAt = NO_KILL;
  private count = 0;

  private constructor(private readonly shape: Shape) {
    this.views = new Map(
      shape.views.map((view) => [view.name, FeatureViewSpec.parse({ kind: 'FeatureView', entity: 'id', ...view })]),
    );
    const inputs = shape.features.map((reference) => {
      const [view = '', field = ''] = reference.split('.');
      return { view, field };
    });
    const spec = ModelSpec.parse({
      kind: 'Model',
      name: 'm',
      features: shape.features,
      label: { name: 'y', type: 'binary' },
    });
    this.model = { ...spec, inputs };
  }

  static async open(shape: Shape): Promise<StoreInTest> {
    const store = new StoreInTest(shape);
    await store.start();
    return store;
  }

  private async start(): Promise<void> {
    this.platform = EmbeddedPlatform.open({
      dir: this.dir,
      partitions: this.shape.partitions ?? 1,
      tickEveryMs: null,
      onStep: (step) => {
        if (step !== this.killAt) return;
        throw new Error('killed');
      },
    });
    this.warehouse = await Warehouse.open({
      archiveDir: join(this.dir, 'archive'),
      duckdbMemoryMegabytes: 256,
      duckdbThreads: 2,
    });
    const specs = {
      view: (name: string) => this.view(name),
      model: (name: string) => (name === this.model.name ? this.model : undefined),
    };
    this.reader = new OnlineReader(this.platform, specs);
    this.segments = new CommittedSegments(this.platform);
    this.past = new PredictionRecord(this.platform, this.warehouse, this.segments);
    this.sets = new TrainingSets(this.platform, this.warehouse, this.segments);
    const settings = {
      archiveBatchEventsMin: this.shape.batchMin ?? 4,
      archiveBatchEventsMax: this.shape.batchMax ?? 8,
      segmentsListed: this.shape.segmentsListed ?? 1,
    };
    this.platform.run(online);
    this.platform.work(archive(historyLayout, this.warehouse, this.platform.artifacts, settings));
    this.platform.work(archive(predictionsLayout, this.warehouse, this.platform.artifacts, settings));
    this.platform.work(archive(outcomesLayout, this.warehouse, this.platform.artifacts, settings));
    this.platform.work(
      trainingSetJob(this.sets, specs, this.platform.artifacts, { trainingRowsMin: 1, historyWaitMs: 0 }),
    );
  }

  /** Stops where a job is at: with `killAt`, after it wrote its files and before it committed them. Then starts again on the same data. */
  async restart(options: { killAt?: string; meanwhile?: () => Promise<void> } = {}): Promise<void> {
    this.killAt = options.killAt ?? NO_KILL;
    await options.meanwhile?.();
    await new Promise((resolve) => setTimeout(resolve, options.meanwhile === undefined ? 0 : 30));
    await this.platform.close();
    this.warehouse.close();
    this.killAt = NO_KILL;
    await this.start();
  }

  async close(): Promise<void> {
    await this.platform.close();
    this.warehouse.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  view(name: string): FeatureViewSpec | undefined {
    return this.views.get(name);
  }

  async observe(view: string, entity: string, occurredAt: number, values: Record<string, FeatureValue>): Promise<void> {
    await this.platform.append(topics.features, [{ event: `e${this.count++}`, view, entity, occurredAt, values }]);
  }

  async online(entity: string, at: number): Promise<OnlineRow> {
    await this.platform.settled();
    const [row] = await this.reader.get({ inputs: this.model.inputs, entities: [entity], at });
    return row as OnlineRow;
  }

  /** What the gateway does for an entity: look up, encode, record. */
  async predict(entity: string, at: number, change: Partial<Predicted> = {}): Promise<Predicted> {
    const { values, seen } = await this.online(entity, at);
    const features = this.model.inputs.map(({ view, field }, i) => {
      const rules = rulesOf(this.views.get(view) as FeatureViewSpec, field);
      return rules === undefined ? null : modelInput(values[i] ?? null, rules);
    });
    return this.record({ entity, occurredAt: at, features, seen, ...change });
  }

  /** A prediction whose request brought tensors. */
  predictTensors(features: number[], at: number): Promise<Predicted> {
    return this.record({ entity: null, occurredAt: at, features, seen: null });
  }

  private async record(part: Pick<Predicted, 'entity' | 'occurredAt' | 'features' | 'seen'>): Promise<Predicted> {
    const unique = `u${this.count++}`;
    const id = predictionId({
      routing: routingHash(this.model.name, part.entity ?? unique),
      predictedAt: part.occurredAt,
      unique,
    });
    const answer = { version: null, fallback: 'no version', output: [1, 0], rollout: null, shadows: [] };
    const predicted: Predicted = { id, model: this.model.name, request: null, ...answer, ...part };
    await this.platform.append(topics.predictions, [predicted]);
    return predicted;
  }

  async outcome(kind: OutcomeKind, predicted: Predicted, label: number | null, occurredAt: number): Promise<void> {
    const event = {
      kind,
      model: predicted.model,
      prediction: predicted.id,
      occurredAt,
      label,
      predicted: kind === 'joined' ? predicted : null,
    };
    await this.platform.append(topics.outcomes, [event]);
  }

  async train(change: { model?: string; asOf?: number; rowsMax?: number } = {}): Promise<Built | Finished> {
    const run = `run${this.count++}`;
    const request = { asOf: Number.MAX_SAFE_INTEGER, rowsMax: 1_000, model: this.model.name, ...change };
    const event: Lifecycle = {
      ...request,
      type: 'TrainingRequested',
      occurredAt: 0,
      actor: 'test',
      reason: 'asked for by a test',
      run,
      trigger: 'manual',
      champion: null,
      labels: 1,
      windows: [1_000],
      seed: 1,
    };
    await this.platform.append(topics.lifecycle, [event]);
    await this.platform.settled();
    const answers = (await this.log(topics.lifecycle))
      .map((record) => record.event)
      .filter((e) => 'run' in e && e.run === run && e.type !== 'TrainingRequested');
    expect(answers).toHaveLength(1);
    return answers[0] as Built | Finished;
  }

  async rows(built: Built | Finished): Promise<Row[]> {
    if (built.type !== 'TrainingSetBuilt') throw new Error(`no training set: ${built.failure}`);
    const data = await this.platform.artifacts.get(built.data);
    return this.rowsOf(data);
  }

  async rowsOf(data: Uint8Array): Promise<Row[]> {
    const file = join(this.dir, 'read.parquet');
    writeFileSync(file, data);
    const features = this.model.inputs.map((_, i) => `f${i}`);
    const found = await this.warehouse.with((c) =>
      c.runAndReadAll(
        `SELECT prediction, CAST(predicted_at AS DOUBLE), entity, label, ${features.join(', ')} FROM ${literal(file)}`,
      ),
    );
    return found.getRows().map(([prediction, predictedAt, entity, label, ...rest]) => ({
      prediction: prediction as string,
      predictedAt: predictedAt as number,
      entity: entity as string | null,
      label: label as number,
      features: rest as (number | null)[],
    }));
  }

  async manifest(built: Built | Finished): Promise<TrainingManifest> {
    if (built.type !== 'TrainingSetBuilt') throw new Error(`no training set: ${built.failure}`);
    return JSON.parse(Buffer.from(await this.platform.artifacts.get(built.manifest)).toString()) as TrainingManifest;
  }

  async log<E>(topic: Topic<E>): Promise<Recorded<E>[]> {
    const records: Recorded<E>[] = [];
    for await (const record of this.platform.read(topic)) records.push(record);
    return records;
  }
}
