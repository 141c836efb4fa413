import {
  classesOf,
  type Cause,
  type FeatureReference,
  type InputsMeasured,
  type Lifecycle,
  type LifecycleOf,
  type ModelInForce,
  type Outcome,
  type OutcomeKind,
  type PerformanceMeasured,
  type Predicted,
} from '@gyre/contracts';
import { alarmsPerRow } from './alarm-budget.js';
import { ExpectedError, type ExpectedErrorState } from './expected-error.js';
import { percent, type At, type Loss, type Verdict } from './findings.js';
import { Groups, type GroupsState } from './groups.js';
import { Incidents, type IncidentsState } from './incidents.js';
import { InputsWatch, type InputsDial, type InputsWatchState } from './inputs-watch.js';
import { VERSIONS_KEPT } from './known-versions.js';
import { OutcomeLoss, type OutcomeLossState } from './outcome-loss.js';
import { outputBin, type OutputCounts } from './output-bins.js';
import { PerformanceWindow, type PerformanceWindowState } from './performance-window.js';
import { RolloutComparison, type Decided, type RolloutComparisonState } from './rollout-comparison.js';
import { phaseOf, phasesOf } from './season.js';
import { Slices, type SlicesState } from './slices.js';
import {
  VersionWatch,
  type Drift,
  type Drop,
  type VersionDial,
  type VersionFindings,
  type VersionWatchState,
} from './version-watch.js';

/** What an outcome brought to light. */
export interface Findings {
  drift?: Drift;
  drop?: Drop;
  decided: Decided[];
  performance?: PerformanceMeasured;
  /** The count of labels, where it calls for training. */
  labelsReached?: number;
}

interface KnownVersion {
  version: number;
  promised: number | null;
  reference: FeatureReference[];
}

export interface WatchState {
  spec: ModelInForce;
  labels: number;
  counts: Record<OutcomeKind, number>;
  hasChampion: boolean;
  lastReached: number;
  /** Event time from outcome to outcome in the newest full window. */
  msPerRow: number | null;
  loss: OutcomeLossState;
  window: PerformanceWindowState;
  versions: VersionWatchState[];
  inputs: InputsWatchState[];
  slices: { version: number; slices: SlicesState }[];
  expected: { version: number; expected: ExpectedErrorState }[];
  groups: GroupsState;
  incidents: IncidentsState;
  comparisons: RolloutComparisonState[];
  known: KnownVersion[];
  references: { run: string; reference: FeatureReference[] }[];
}

/** Everything that is watched of one model. It hears of the model by its lifecycle, and of its answers by their outcomes. */
export class Watch {
  private labels = 0;
  private counts: Record<OutcomeKind, number> = { joined: 0, corrected: 0, late: 0, repeated: 0, expired: 0 };
  private hasChampion = false;
  private lastReached = 0;
  private msPerRow: number | null = null;
  private readonly loss: OutcomeLoss;
  private window: PerformanceWindow;
  private versions: VersionWatch[] = [];
  private inputs: InputsWatch[] = [];
  private slices: { version: number; slices: Slices }[] = [];
  private expected: { version: number; expected: ExpectedError }[] = [];
  private readonly groups: Groups;
  private readonly incidents: Incidents;
  private comparisons: RolloutComparison[] = [];
  private known: KnownVersion[] = [];
  private references: WatchState['references'] = [];

  constructor(private spec: ModelInForce) {
    this.loss = new OutcomeLoss(spec.label.type === 'regression');
    this.window = new PerformanceWindow(classesOf(spec.label).length, spec.drift.windowOutcomes);
    this.groups = new Groups(spec);
    this.incidents = new Incidents(spec.name, spec.drift.windowOutcomes);
  }

  /** Takes what the circle has decided: new settings, versions with their promises, rollouts to compare. */
  hear(event: Lifecycle): void {
    switch (event.type) {
      case 'ModelApplied':
        // Everything that was made by the old settings is made again, as it would be after a restart.
        Object.assign(this, Watch.restored({ ...this.state(), spec: event.spec }));
        break;
      case 'TrainingFinished':
        if (event.candidates.length > 0)
          this.references = [{ run: event.run, reference: event.reference }, ...this.references].slice(0, 3);
        break;
      case 'VersionRegistered':
        this.register(event);
        break;
      case 'ServingChanged':
        this.hasChampion = event.champion !== null;
        this.incidents.serves(event.champion?.version ?? null, event.occurredAt);
        break;
      case 'RolloutStarted':
        this.comparisons = [
          new RolloutComparison(
            event,
            this.loss.max,
            this.comparisons.find((one) => one.rollout === event.continues),
          ),
        ];
        break;
      case 'RolloutEnded':
        if (event.outcome !== 'continued')
          this.comparisons = this.comparisons.filter((comparison) => comparison.rollout !== event.rollout);
        break;
      default:
    }
  }

  private register({ version, run, candidate }: LifecycleOf<'VersionRegistered'>): void {
    const promised = candidate.metrics[this.spec.label.type === 'regression' ? 'mae' : 'loss'] ?? null;
    const reference = this.references.find((one) => one.run === run)?.reference ?? [];
    this.known = [{ version, promised, reference }, ...this.known].slice(0, VERSIONS_KEPT);
  }

  /** Takes what became of a prediction. Only a first label in time says anything about the answer. */
  observe(outcome: Outcome): Findings {
    this.counts[outcome.kind] += 1;
    const { predicted, label } = outcome;
    if (outcome.kind !== 'joined' || predicted === null || label === null) return { decided: [] };
    const findings: Findings = {
      ...this.judge(predicted, label),
      decided: this.compare(predicted, label),
    };
    const loss = this.loss.of(predicted.output, label);
    const measured = this.window.add(predicted, label, outcome.occurredAt, this.labels, loss);
    this.groups.add(predicted.features, predicted.output, label, this.loss.error(predicted.output, label), loss);
    if (measured !== undefined) {
      findings.performance = { model: this.spec.name, ...measured, ...this.groups.measured() };
      this.pace(measured);
    }
    if (predicted.version !== null) this.loss.learn(predicted.output, label);
    this.labels += 1;
    if (this.callsForTraining()) {
      findings.labelsReached = this.labels;
      this.lastReached = this.labels;
    }
    return findings;
  }

  private judge(predicted: Predicted, label: number): { drift?: Drift; drop?: Drop } {
    const { version, output, shadows, features } = predicted;
    if (version === null) return {};
    const error = this.loss.error(output, label);
    const promisedUnit =
      this.spec.label.type === 'regression' ? Math.abs((output[0] ?? 0) - label) : this.loss.of(output, label);
    const phase = phaseOf(predicted.occurredAt, this.spec.drift.seasonality ?? null);
    for (const shadow of shadows) this.watchOf(shadow.version).learn(this.loss.error(shadow.output, label), phase);
    const slices = this.slicesOf(version);
    slices.add(features, error);
    this.expectedOf(version).judge(outputBin(output), error, predicted.occurredAt);
    const found = this.watchOf(version).observe(error, promisedUnit, phase);
    this.report(version, found, slices, {
      prediction: predicted.id,
      request: predicted.request,
      labels: this.labels + 1,
    });
    return found;
  }

  /** Makes of what was found of the error a sighting of an incident, with what else has changed as its causes. */
  private report(version: number, { drift, drop, isWell }: VersionFindings, slices: Slices, at: At): void {
    const sighting = { kind: 'concept' as const, version, at, toldAt: null };
    if (isWell) this.incidents.see({ ...sighting, causes: [], loss: null });
    if (drift === undefined && drop === undefined) return;
    const words =
      drift === undefined
        ? `version ${version} loses more per answer than its holdout promised (${drop!.value.toPrecision(3)} instead of ${drop!.reference.toPrecision(3)})`
        : `the error of version ${version} rose from ${percent(drift.before)} to ${percent(drift.after)} over about ${drift.since} labels`;
    const { before, after } = drift ?? { before: drop!.reference, after: drop!.value };
    const causes: Cause[] = [
      ...slices.explain(drift?.since ?? this.spec.drift.windowOutcomes),
      { kind: 'error', name: '', words, before, after },
    ];
    const loss = drift === undefined ? this.watchOf(version).level() : { before, after };
    this.incidents.see({ ...sighting, causes, loss: loss === null ? null : { ...loss, by: 'measured' } });
  }

  /** Takes what a version was fed and answered in some rows, labelled or not. */
  measure(measured: InputsMeasured): Verdict[] {
    const { version, prediction, request, toldAt } = measured;
    const verdicts = this.inputsOf(version).observe(measured);
    const at = { prediction, request, labels: this.labels };
    for (const { kind, causes, outputs } of verdicts) {
      const loss = causes.length === 0 ? null : this.lossOf(version, outputs, measured.from);
      this.incidents.see({ kind, version, causes, loss, at, toldAt });
    }
    return verdicts;
  }

  /** What the answers of some rows cost: measured, where labels have come so far, else as must be expected. */
  private lossOf(version: number, outputs: OutputCounts, from: number): Loss {
    const watch = this.versions.find((one) => one.version === version);
    const expected = this.expected.find((one) => one.version === version)?.expected;
    if (watch === undefined || expected === undefined) return null;
    const loss = expected.hasJudged(from) ? watch.level() : expected.of(outputs);
    return loss === null ? null : { ...loss, by: expected.hasJudged(from) ? 'measured' : 'estimated' };
  }

  private expectedOf(version: number): ExpectedError {
    const there = this.expected.find((one) => one.version === version);
    if (there !== undefined) return there.expected;
    const expected = new ExpectedError();
    this.expected = [{ version, expected }, ...this.expected].slice(0, 2);
    return expected;
  }

  /** Whether the next tick is to be told to it. */
  get waits(): boolean {
    return this.incidents.waits;
  }

  /** A tick: what has gathered becomes incidents. */
  decide(now: number): Lifecycle[] {
    return this.incidents.decide(
      now,
      (version) => this.inputs.find((watch) => watch.version === version)?.suspects(now) ?? [],
    );
  }

  private compare(predicted: Predicted, label: number): Decided[] {
    return (
      this.comparisons
        .find((comparison) => comparison.covers(predicted.rollout))
        ?.observe(predicted, label, this.loss) ?? []
    );
  }

  private callsForTraining(): boolean {
    const { bootstrapLabels, everyLabels, minLabels } = this.spec.retraining;
    if (!this.hasChampion && this.lastReached === 0) return this.labels >= bootstrapLabels;
    const every = everyLabels ?? (this.hasChampion ? Infinity : minLabels);
    return this.labels - this.lastReached >= every;
  }

  private watchOf(version: number): VersionWatch {
    const there = this.versions.find((watch) => watch.version === version);
    if (there !== undefined) return there;
    const watch = this.versionWatch(version, this.promisedBy(version));
    this.versions = [watch, ...this.versions].slice(0, VERSIONS_KEPT);
    return watch;
  }

  private versionWatch(version: number, promised: number | null): VersionWatch {
    const { windowOutcomes, seasonality } = this.spec.drift;
    const phases = phasesOf(seasonality ?? null);
    return new VersionWatch(version, promised, this.dial(), this.loss.errorMax, windowOutcomes, phases);
  }

  private dial(): VersionDial {
    const { falseAlarms } = this.spec.drift;
    return {
      error: alarmsPerRow(falseAlarms, this.msPerRow, 'error'),
      performance: alarmsPerRow(falseAlarms, this.msPerRow, 'performance'),
    };
  }

  private inputsDial(): InputsDial {
    const of = (watched: keyof InputsDial) => alarmsPerRow(this.spec.drift.falseAlarms, this.msPerRow, watched);
    return { quality: of('quality'), covariate: of('covariate'), prediction: of('prediction') };
  }

  /** The traffic of the newest full window turns a dial that is stated in time. */
  private pace({
    from,
    to,
    fromLabel,
    toLabel,
  }: {
    from: number;
    to: number;
    fromLabel: number;
    toLabel: number;
  }): void {
    this.msPerRow = Math.max(0, to - from) / (toLabel - fromLabel);
    if (typeof this.spec.drift.falseAlarms === 'number') return;
    for (const watch of this.versions) watch.tune(this.dial());
    for (const watch of this.inputs) watch.tune(this.inputsDial());
  }

  private inputsOf(version: number): InputsWatch {
    const there = this.inputs.find((watch) => watch.version === version);
    if (there !== undefined) return there;
    const watch = this.inputsWatch(version, this.referenceOf(version));
    this.inputs = [watch, ...this.inputs].slice(0, 3);
    return watch;
  }

  private inputsWatch(version: number, reference: FeatureReference[]): InputsWatch {
    const { windowOutcomes, seasonality } = this.spec.drift;
    return new InputsWatch(version, reference, windowOutcomes, this.inputsDial(), seasonality ?? null);
  }

  private slicesOf(version: number): Slices {
    const there = this.slices.find((one) => one.version === version);
    if (there !== undefined) return there.slices;
    const slices = new Slices(this.referenceOf(version));
    this.slices = [{ version, slices }, ...this.slices].slice(0, 2);
    return slices;
  }

  /** Empty where the version came without one, or it is of other inputs. */
  private referenceOf(version: number): FeatureReference[] {
    const reference = this.known.find((one) => one.version === version)?.reference ?? [];
    return reference.length === this.spec.inputs.length ? reference : [];
  }

  private promisedBy(version: number): number | null {
    return this.known.find((one) => one.version === version)?.promised ?? null;
  }

  /** Labels so far, and outcomes by kind. */
  get tally(): { labels: number; counts: Record<OutcomeKind, number> } {
    return { labels: this.labels, counts: { ...this.counts } };
  }

  state(): WatchState {
    const { spec, labels, counts, hasChampion, lastReached, msPerRow, known, references } = this;
    return {
      ...{ spec, labels, counts: { ...counts }, hasChampion, lastReached, msPerRow, known, references },
      loss: this.loss.state(),
      window: this.window.state(),
      versions: this.versions.map((watch) => watch.state()),
      inputs: this.inputs.map((watch) => watch.state()),
      slices: this.slices.map(({ version, slices }) => ({ version, slices: slices.state() })),
      expected: this.expected.map(({ version, expected }) => ({ version, expected: expected.state() })),
      groups: this.groups.state(),
      incidents: this.incidents.state(),
      comparisons: this.comparisons.map((comparison) => comparison.state()),
    };
  }

  static restored(state: WatchState): Watch {
    const watch = new Watch(state.spec);
    const { labels, hasChampion, lastReached, msPerRow, known, references } = state;
    Object.assign(watch, {
      labels,
      hasChampion,
      lastReached,
      msPerRow,
      known,
      references,
      counts: { ...state.counts },
    });
    watch.loss.restore(state.loss);
    watch.window.restore(state.window);
    watch.versions = state.versions.map((saved) => {
      const version = watch.versionWatch(saved.version, saved.promised);
      version.restore(saved);
      return version;
    });
    watch.inputs = state.inputs.map((saved) => {
      const inputs = watch.inputsWatch(saved.version, saved.reference);
      inputs.restore(saved);
      return inputs;
    });
    watch.slices = state.slices.map((saved) => {
      const slices = new Slices(watch.referenceOf(saved.version));
      slices.restore(saved.slices);
      return { version: saved.version, slices };
    });
    watch.expected = state.expected.map((saved) => {
      const expected = new ExpectedError();
      expected.restore(saved.expected);
      return { version: saved.version, expected };
    });
    watch.groups.restore(state.groups);
    watch.incidents.restore(state.incidents);
    watch.comparisons = state.comparisons.map((saved) => RolloutComparison.restored(saved));
    return watch;
  }
}
