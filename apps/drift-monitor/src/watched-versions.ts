import { classesOf, type LifecycleOf, type ModelInForce, type PerformanceMeasured } from '@gyre/contracts';
import { alarmsPerRow, type Watched } from './alarm-budget.js';
import { ExpectedError, type ExpectedErrorState } from './expected-error.js';
import { InputsWatch, type InputsDial, type InputsWatchState } from './inputs-watch.js';
import { PerVersion } from './per-version.js';
import { periodFor } from './season.js';
import { Slices, type SlicesState } from './slices.js';
import { fitting, inService, Trainings, VERSIONS_KEPT, type Training, type TrainingsState } from './trainings.js';
import { VersionWatch, type Promised, type VersionDial, type VersionWatchState } from './version-watch.js';

interface KnownVersion {
  version: number;
  promised: Promised | null;
  run: string;
}

export interface WatchedVersionsState extends TrainingsState<KnownVersion> {
  champion: number | null;
  /** The champion, and who else answers or is scored. */
  serving: number[];
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
  readonly errors: PerVersion<VersionWatch>;
  readonly inputs: PerVersion<InputsWatch>;
  readonly slices: PerVersion<Slices>;
  readonly expected: PerVersion<ExpectedError>;
  private serving: ReadonlySet<number> = new Set();
  private msPerRow: number | null = null;
  private readonly trainings = new Trainings<KnownVersion>();

  constructor(private readonly spec: ModelInForce) {
    const { maxChallengers, split = [] } = spec.rollout;
    const serves = (version: number) => this.serving.has(version);
    // Who serves no more may serve again, and labels of its answers still come.
    const others = maxChallengers + split.length;
    this.errors = new PerVersion(VERSIONS_KEPT, serves, (version) => this.versionWatch(version));
    this.inputs = new PerVersion(others, serves, (version) => this.inputsWatch(version, this.trainingOf(version)));
    this.slices = new PerVersion(
      others,
      serves,
      (version) => new Slices(this.trainingOf(version).reference, classesOf(this.spec.label).length),
    );
    this.expected = new PerVersion(others, serves, () => new ExpectedError());
  }

  private get isRegression(): boolean {
    return this.spec.label.type === 'regression';
  }

  serves(event: LifecycleOf<'ServingChanged'>): void {
    this.champion = event.champion?.version ?? null;
    this.serving = inService(event);
  }

  trained(event: LifecycleOf<'TrainingFinished'>): void {
    this.trainings.trained(event);
  }

  registered({ version, run, candidate }: LifecycleOf<'VersionRegistered'>): void {
    const { metrics } = candidate;
    const loss = metrics[this.isRegression ? 'mae' : 'loss'] ?? null;
    const promised = loss === null ? null : { loss, rows: metrics['rows'] || null };
    const isWatched = (one: number) =>
      this.serving.has(one) || this.inputs.find(one) !== undefined || this.slices.find(one) !== undefined;
    this.trainings.registered({ version, promised, run }, isWatched);
    // Where its answers were heard of before it was, they were watched without a reference, a promise and a season.
    for (const watched of [this.errors, this.inputs, this.slices]) watched.forget(version);
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

  private versionWatch(version: number): VersionWatch {
    return new VersionWatch({
      version,
      isRegression: this.isRegression,
      promised: this.trainings.find(version)?.promised ?? null,
      dial: this.dial(),
      windowOutcomes: this.spec.drift.windowOutcomes,
      period: this.periodOf(version),
    });
  }

  private inputsWatch(version: number, { reference, rows, period }: Training): InputsWatch {
    const { windowOutcomes, seasonality } = this.spec.drift;
    const season = periodFor(seasonality ?? null, period);
    return new InputsWatch(version, reference, rows, windowOutcomes, this.inputsDial(), season);
  }

  /** Nothing where the version came without a reference, or it is of other inputs. */
  private trainingOf(version: number): Training {
    return fitting(this.trainings.of(version), this.spec);
  }

  state(): WatchedVersionsState {
    const { champion, msPerRow } = this;
    return {
      champion,
      serving: [...this.serving],
      msPerRow,
      ...this.trainings.state(),
      errors: this.errors.all().map((watch) => watch.state()),
      inputs: this.inputs.all().map((watch) => watch.state()),
      slices: this.slices.saved((slices) => slices.state()),
      expected: this.expected.saved((expected) => expected.state()),
    };
  }

  restore(state: WatchedVersionsState): void {
    const { champion, serving, msPerRow, known, runs, errors, inputs, slices, expected } = state;
    Object.assign(this, { champion, serving: new Set(serving), msPerRow });
    this.trainings.restore({ known, runs });
    this.errors.restore(errors, (watch, saved) => watch.restore(saved));
    this.inputs.restore(inputs, (watch, saved) => watch.restore(saved));
    this.slices.restore(slices, (one, { saved }) => one.restore(saved));
    this.expected.restore(expected, (one, { saved }) => one.restore(saved));
  }
}
