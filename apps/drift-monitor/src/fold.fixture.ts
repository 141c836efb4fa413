import {
  topics,
  type Lifecycle,
  type LifecycleOf,
  type LifecycleType,
  type ModelInForce,
  type Outcome,
  type PerformanceMeasured,
  type Predicted,
} from '@gyre/contracts';
import { referenceBins } from '@gyre/drift';
import { readSpecs } from '@gyre/hosting';
import type { Context, Effects } from '@gyre/platform';
import { candidateOf } from './candidate.fixture.js';
import { detect } from './detect.js';
import { InputsPartial } from './inputs-partial.js';
import type { Watch, WatchState } from './watch.js';

const base = { model: 'm', occurredAt: 1, actor: 'test', reason: 'test' };
export const FEATURES = ['v.x', 'v.z'];

/** A model of two inputs. @param more of its spec, as `drift: { … }` lines */
export function modelOf(type: 'binary' | 'regression', more = '', features = '[v.x, v.z]'): ModelInForce {
  const text = `kind: FeatureView\nname: v\nentity: e\nfields: { x: float, z: float, w: float }\n---\nkind: Model\nname: m\nfeatures: ${features}\nlabel: { name: y, type: ${type} }\n${more}\n`;
  return readSpecs(text, 'spec.yaml').models[0] as ModelInForce;
}

/** The detect fold by itself: events in, events out, its state through JSON whenever `saves` is called. */
export class Fold {
  readonly lifecycle: Lifecycle[] = [];
  readonly performance: PerformanceMeasured[] = [];
  private watch: Watch | undefined;
  private rows = 0;

  private take({ state, publish = [] }: Effects<Watch>): void {
    this.watch = state ?? this.watch;
    for (const { topic, events } of publish) {
      if (topic.name === topics.lifecycle.name) this.lifecycle.push(...(events as Lifecycle[]));
      else this.performance.push(...(events as PerformanceMeasured[]));
    }
  }

  hears(...events: Lifecycle[]): void {
    for (const event of events) this.take(detect.handle(this.watch, event, {} as Context));
  }

  applies(spec: ModelInForce): void {
    this.hears({ ...base, type: 'ModelApplied', spec });
  }

  /** A version is trained on uniform inputs and registered. */
  registers(
    version: number,
    metrics: Record<string, number>,
    { features = FEATURES, period = null as number | null } = {},
  ): void {
    const candidate = candidateOf(metrics);
    const run = `run-${version}`;
    const values = Array.from({ length: 1_000 }, (_, i) => i / 1_000);
    const reference = features.map((feature) => ({ feature, ...referenceBins(values) }));
    const finished = { run, trigger: 'bootstrap', candidates: [candidate], reference, failure: null };
    this.hears(
      { ...base, type: 'TrainingFinished', ...finished, together: { rows: '', period } },
      { ...base, type: 'VersionRegistered', version, run, candidate, gates: [] },
    );
  }

  serves(champion: number, arms: number[] = []): void {
    const onnx = 'a'.repeat(64);
    this.hears({
      ...base,
      type: 'ServingChanged',
      champion: { version: champion, onnx },
      previous: null,
      shadows: [],
      rollout: null,
      arms: arms.map((version) => ({ version, onnx, weight: 0.5 / arms.length, role: 'split' as const })),
    });
  }

  /** An answer whose label has come. */
  answers(answer: Partial<Predicted> & { output: number[] }, label: number): Predicted {
    const row = this.rows++;
    const predicted: Predicted = {
      id: `p${row}`,
      model: 'm',
      occurredAt: row * 1_000,
      request: `row-${row}`,
      entity: null,
      version: 1,
      seen: null,
      fallback: null,
      rollout: null,
      shadows: [],
      features: [0.5, 0.5],
      ...answer,
    };
    const { id: prediction, occurredAt } = predicted;
    const outcome: Outcome = { kind: 'joined', model: 'm', prediction, occurredAt, label, predicted };
    this.take(detect.handle(this.watch, outcome, {} as Context));
    return predicted;
  }

  /** What a version was fed, as its counts reach the fold. */
  measures(spec: ModelInForce, version: number, rows: Predicted[], features = FEATURES): void {
    const values = Array.from({ length: 1_000 }, (_, i) => i / 1_000);
    const reference = features.map((feature) => ({ feature, ...referenceBins(values) }));
    const partial = new InputsPartial(version, 0, reference, spec);
    for (const row of rows) partial.add(row);
    this.take(detect.handle(this.watch, partial.measured('m', this.rows * 1_000), {} as Context));
  }

  ticks(): void {
    if (this.watch !== undefined) this.take(detect.wake!(this.watch, { now: this.rows * 1_000 } as never));
  }

  saves(): void {
    if (this.watch !== undefined)
      this.watch = detect.codec!.load(JSON.parse(JSON.stringify(detect.codec!.save(this.watch))));
  }

  /** What would be saved of it. */
  get state(): WatchState {
    return detect.codec!.save(this.watch!) as WatchState;
  }

  told<T extends LifecycleType>(type: T): LifecycleOf<T>[] {
    return this.lifecycle.filter((event): event is LifecycleOf<T> => event.type === type);
  }
}

export function draws(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
