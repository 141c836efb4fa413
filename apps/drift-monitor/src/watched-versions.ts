import type { LifecycleOf, ModelInForce, PerformanceMeasured } from '@gyre/contracts';
import { alarmsPerRow, type Watched } from './alarm-budget.js';
import { ExpectedError, type ExpectedErrorState } from './expected-error.js';
import { InputsWatch, type InputsDial, type InputsWatchState } from './inputs-watch.js';
import { PerVersion } from './per-version.js';
import { periodFor, phasesOf } from './season.js';
import { Slices, type SlicesState } from './slices.js';
import { NO_TRAINING, Trainings, VERSIONS_KEPT, type Training, type TrainingsState } from './trainings.js';
import { VersionWatch, type VersionDial, type VersionWatchState } from './version-watch.js';

interface KnownVersion {
  version: number;
  promised: number | null;
  run: string;
}

export interface WatchedVersionsState extends TrainingsState<KnownVersion> {
  champion: number | null;
  /** Event time from outcome to outcome in the newest full window. */
  msPerRow: number | null;
  errors: VersionWatchState[];
  inputs: InputsWatchState[];
  slices: { version: number; saved: SlicesState }[];
  expected: { version: number; saved: ExpectedErrorState }[];
}

/** What is watched of each version of a model: its error, what it is fed, in which slices it errs, and how wrong answers like its own were. */
export class WatchedVersions {
  champion: number | null = null;
  readonly errors = new PerVersion(VERSIONS_KEPT, (version) => this.versionWatch(version, this.promisedBy(version)));
  readonly inputs = new PerVersion(3, (version) => this.inputsWatch(version, this.trainingOf(version)));
  readonly slices = new PerVersion(2, (version) => new Slices(this.trainingOf(version).reference));
  readonly expected = new PerVersion(2, () => new ExpectedError());
  private msPerRow: number | null = null;
  private readonly trainings = new Trainings<KnownVersion>();

  /** @param errorMax no error is larger */
  constructor(
    private readonly spec: ModelInForce,
    private readonly errorMax: number,
  ) {}

  trained(event: LifecycleOf<'TrainingFinished'>): void {
    this.trainings.trained(event);
  }

  registered({ version, run, candidate }: LifecycleOf<'VersionRegistered'>): void {
    const promised = candidate.metrics[this.spec.label.type === 'regression' ? 'mae' : 'loss'] ?? null;
    const isWatched = (one: number) =>
      one === this.champion || this.inputs.find(one) !== undefined || this.slices.find(one) !== undefined;
    this.trainings.registered({ version, promised, run }, isWatched);
  }

  /** Of the season by which a version is watched, ms; null where there is none. */
  periodOf(version: number): number | null {
    return periodFor(this.spec.drift.seasonality ?? null, this.trainingOf(version).period);
  }

  /** The traffic of the newest full window turns a dial that is stated in time. */
  pace({ from, to, fromLabel, toLabel }: Pick<PerformanceMeasured, 'from' | 'to' | 'fromLabel' | 'toLabel'>): void {
    this.msPerRow = Math.max(0, to - from) / (toLabel - fromLabel);
    if (typeof this.spec.drift.falseAlarms === 'number') return;
    for (const watch of this.errors.all()) watch.tune(this.dial());
    for (const watch of this.inputs.all()) watch.tune(this.inputsDial());
  }

  /** False alarms per row that one watch may raise. */
  allowed(watched: Watched): number {
    return alarmsPerRow(this.spec.drift.falseAlarms, this.msPerRow, watched);
  }

  private dial(): VersionDial {
    return { error: this.allowed('error'), performance: this.allowed('performance') };
  }

  private inputsDial(): InputsDial {
    return {
      quality: this.allowed('quality'),
      covariate: this.allowed('covariate'),
      together: this.allowed('together'),
      prediction: this.allowed('prediction'),
    };
  }

  private versionWatch(version: number, promised: number | null): VersionWatch {
    const phases = phasesOf(this.periodOf(version));
    return new VersionWatch(version, promised, this.dial(), this.errorMax, this.spec.drift.windowOutcomes, phases);
  }

  private inputsWatch(version: number, { reference, rows, period }: Training): InputsWatch {
    const { windowOutcomes, seasonality } = this.spec.drift;
    const season = periodFor(seasonality ?? null, period);
    return new InputsWatch(version, reference, rows, windowOutcomes, this.inputsDial(), season);
  }

  /** Nothing where the version came without a reference, or it is of other inputs. */
  private trainingOf(version: number): Training {
    const training = this.trainings.of(version);
    return training.reference.length === this.spec.inputs.length ? training : NO_TRAINING;
  }

  private promisedBy(version: number): number | null {
    return this.trainings.find(version)?.promised ?? null;
  }

  state(): WatchedVersionsState {
    const { champion, msPerRow } = this;
    return {
      ...{ champion, msPerRow, ...this.trainings.state() },
      errors: this.errors.all().map((watch) => watch.state()),
      inputs: this.inputs.all().map((watch) => watch.state()),
      slices: this.slices.saved((slices) => slices.state()),
      expected: this.expected.saved((expected) => expected.state()),
    };
  }

  restore({ champion, msPerRow, known, runs, errors, inputs, slices, expected }: WatchedVersionsState): void {
    Object.assign(this, { champion, msPerRow });
    this.trainings.restore({ known, runs });
    this.errors.restore(errors, (watch, saved) => watch.restore(saved));
    this.inputs.restore(inputs, (watch, saved) => watch.restore(saved));
    this.slices.restore(slices, (one, { saved }) => one.restore(saved));
    this.expected.restore(expected, (one, { saved }) => one.restore(saved));
  }
}
