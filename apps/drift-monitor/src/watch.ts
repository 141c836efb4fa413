import {
  classesOf,
  type FeatureReference,
  type Lifecycle,
  type LifecycleOf,
  type ModelInForce,
  type Outcome,
  type OutcomeKind,
  type PerformanceMeasured,
  type Predicted,
} from '@gyre/contracts';
import { alarmsPerRow } from './alarm-budget.js';
import { InputsWatch, type InputsFinding, type InputsWatchState } from './inputs-watch.js';
import { OutcomeLoss, type OutcomeLossState } from './outcome-loss.js';
import { PerformanceWindow, type PerformanceWindowState } from './performance-window.js';
import { RolloutComparison, type Decided, type RolloutComparisonState } from './rollout-comparison.js';
import { VersionWatch, type Drift, type Drop, type VersionDial, type VersionWatchState } from './version-watch.js';

/** What an outcome brought to light. */
export interface Findings {
  drift?: Drift;
  drop?: Drop;
  inputs: InputsFinding[];
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
  comparisons: RolloutComparisonState[];
  known: KnownVersion[];
  references: { run: string; reference: FeatureReference[] }[];
}

/** Versions whose outcomes may still come: the newest ones. */
const VERSIONS_KEPT = 12;

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
  private comparisons: RolloutComparison[] = [];
  private known: KnownVersion[] = [];
  private references: WatchState['references'] = [];

  constructor(private spec: ModelInForce) {
    this.loss = new OutcomeLoss(spec.label.type === 'regression');
    this.window = new PerformanceWindow(classesOf(spec.label).length, spec.drift.windowOutcomes);
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
    if (outcome.kind !== 'joined' || predicted === null || label === null) return { inputs: [], decided: [] };
    const findings: Findings = {
      ...this.judge(predicted, label),
      inputs: this.see(predicted),
      decided: this.compare(predicted, label),
    };
    const loss = this.loss.of(predicted.output, label);
    const measured = this.window.add(predicted, label, outcome.occurredAt, this.labels, loss);
    if (measured !== undefined) {
      findings.performance = { model: this.spec.name, ...measured };
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

  private judge({ version, output, shadows }: Predicted, label: number): { drift?: Drift; drop?: Drop } {
    if (version === null) return {};
    const error = this.loss.error(output, label);
    const promisedUnit =
      this.spec.label.type === 'regression' ? Math.abs((output[0] ?? 0) - label) : this.loss.of(output, label);
    for (const shadow of shadows) this.watchOf(shadow.version).learn(this.loss.error(shadow.output, label));
    return this.watchOf(version).observe(error, promisedUnit);
  }

  private see(predicted: Predicted): InputsFinding[] {
    if (predicted.version === null) return [];
    return this.inputsOf(predicted.version).observe(predicted.features);
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
    return new VersionWatch(version, promised, this.dial(), this.loss.errorMax, this.spec.drift.windowOutcomes);
  }

  private dial(): VersionDial {
    const { falseAlarms } = this.spec.drift;
    return {
      error: alarmsPerRow(falseAlarms, this.msPerRow, 'error'),
      performance: alarmsPerRow(falseAlarms, this.msPerRow, 'performance'),
    };
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
  }

  private inputsOf(version: number): InputsWatch {
    const there = this.inputs.find((watch) => watch.version === version);
    if (there !== undefined) return there;
    const reference = this.known.find((one) => one.version === version)?.reference ?? [];
    const watch = new InputsWatch(version, reference, this.spec.inputs, this.spec.drift.windowOutcomes);
    this.inputs = [watch, ...this.inputs].slice(0, 3);
    return watch;
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
    watch.inputs = state.inputs.map((saved) => InputsWatch.restored(saved));
    watch.comparisons = state.comparisons.map((saved) => RolloutComparison.restored(saved));
    return watch;
  }
}
