import {
  classesOf,
  type Cause,
  type InputsMeasured,
  type Lifecycle,
  type LifecycleOf,
  type ModelInForce,
  type Outcome,
  type OutcomeKind,
  type PerformanceMeasured,
  type Predicted,
} from '@gyre/contracts';
import { errorWordsOf, risen, type ErrorWords } from './error-words.js';
import { fairnessGaps } from './fairness-gaps.js';
import type { At, Loss, Verdict } from './findings.js';
import { Groups, type GroupsState } from './groups.js';
import { Incidents, type IncidentsState } from './incidents.js';
import { OutcomeLoss, type OutcomeLossState } from './outcome-loss.js';
import { outputBin, type OutputCounts } from './output-bins.js';
import { PerformanceWindow, type PerformanceWindowState } from './performance-window.js';
import { RolloutComparison, type Decided, type RolloutComparisonState } from './rollout-comparison.js';
import { phaseOf } from './season.js';
import type { Drift, Drop, VersionFindings } from './version-watch.js';
import { WatchedVersions, type WatchedVersionsState } from './watched-versions.js';

/** What was found of the error, and how it is told. */
interface ErrorFindings {
  drift?: Drift & { words: string; metric?: 'mae' };
  drop?: Drop & { words: string; metric: 'loss' | 'mae' };
}

/** What an outcome brought to light. */
export interface Findings extends ErrorFindings {
  /** How the champion has begun to treat groups differently. */
  unfair?: Cause;
  decided: Decided[];
  performance?: PerformanceMeasured;
  /** The count of labels, where it calls for training. */
  labelsReached?: number;
}

export interface WatchState {
  spec: ModelInForce;
  labels: number;
  counts: Record<OutcomeKind, number>;
  lastReached: number;
  isUnfair: boolean;
  loss: OutcomeLossState;
  window: PerformanceWindowState;
  versions: WatchedVersionsState;
  groups: GroupsState;
  incidents: IncidentsState;
  comparisons: RolloutComparisonState[];
}

/** Everything that is watched of one model. It hears of the model by its lifecycle, and of its answers by their outcomes. */
export class Watch {
  private labels = 0;
  private counts: Record<OutcomeKind, number> = { joined: 0, corrected: 0, late: 0, repeated: 0, expired: 0 };
  private lastReached = 0;
  private isUnfair = false;
  private readonly loss: OutcomeLoss;
  private readonly words: ErrorWords;
  private readonly window: PerformanceWindow;
  private readonly versions: WatchedVersions;
  private readonly groups: Groups;
  private readonly incidents: Incidents;
  private comparisons: RolloutComparison[] = [];

  constructor(private readonly spec: ModelInForce) {
    this.loss = new OutcomeLoss(spec.label.type === 'regression');
    this.window = new PerformanceWindow(classesOf(spec.label).length, spec.drift.windowOutcomes);
    this.words = errorWordsOf(spec.label);
    this.versions = new WatchedVersions(spec);
    this.groups = new Groups(spec);
    this.incidents = new Incidents(spec.name, spec.drift.windowOutcomes, this.words);
  }

  /**
   * Takes what the circle has decided: new settings, versions with their promises, rollouts to compare.
   * @returns whether it concerns the watch
   */
  hear(event: Lifecycle): boolean {
    switch (event.type) {
      case 'ModelApplied':
        // Everything that was made by the old settings is made again, as it would be after a restart.
        Object.assign(this, Watch.restored({ ...this.state(), spec: event.spec }));
        break;
      case 'TrainingFinished':
        this.versions.trained(event);
        break;
      case 'VersionRegistered':
        this.versions.registered(event);
        break;
      case 'ServingChanged':
        this.serves(event);
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
        return false;
    }
    return true;
  }

  private serves(event: LifecycleOf<'ServingChanged'>): void {
    const before = this.versions.champion;
    this.versions.serves(event);
    this.incidents.serves(this.versions.champion, event.occurredAt);
    if (this.versions.champion === before) return;
    this.isUnfair = false;
    this.groups.forgetFairness();
  }

  /** Takes what became of a prediction. Only a first label in time says anything about the answer. */
  observe(outcome: Outcome): Findings {
    this.counts[outcome.kind] += outcome.times ?? 1;
    const { predicted, label } = outcome;
    if (outcome.kind !== 'joined' || predicted === null || label === null) return { decided: [] };
    const findings: Findings = {
      ...this.judge(predicted, label),
      decided: this.compare(predicted, label),
    };
    const loss = this.loss.of(predicted.output, label);
    const measured = this.window.add(predicted, label, outcome.occurredAt, this.labels, loss);
    const isChampions = predicted.version !== null && predicted.version === this.versions.champion;
    this.groups.add(predicted, label, this.loss.error(predicted.output, label), loss, isChampions);
    if (measured !== undefined) {
      const performance = { model: this.spec.name, ...measured, ...this.groups.measured() };
      findings.performance = performance;
      this.versions.pace(measured);
      const unfair = this.fairness(performance, predicted);
      if (unfair !== undefined) findings.unfair = unfair;
    }
    if (predicted.version !== null) this.loss.learn(predicted.output, label);
    this.labels += 1;
    if (this.callsForTraining()) {
      findings.labelsReached = this.labels;
      this.lastReached = this.labels;
    }
    return findings;
  }

  private judge(predicted: Predicted, label: number): ErrorFindings {
    const { version, output, shadows, features } = predicted;
    if (version === null) return {};
    for (const shadow of shadows) {
      const here = phaseOf(predicted.occurredAt, this.versions.periodOf(shadow.version));
      this.versions.errors.of(shadow.version).learn(this.loss.error(shadow.output, label), here);
    }
    const slices = this.versions.slices.of(version);
    const watch = this.versions.errors.of(version);
    const error = this.loss.error(output, label);
    const bounded = watch.bounded(error);
    if (bounded !== null) {
      slices.add(features, bounded);
      if (!watch.isCalibrated && slices.isFull) watch.calibrate(slices.errors());
      this.versions.expected.of(version).judge(outputBin(output), bounded * watch.unit, predicted.occurredAt);
    }
    const phase = phaseOf(predicted.occurredAt, this.versions.periodOf(version));
    const found = watch.observe(error, this.loss.promised(output, label), phase);
    const { drift, drop } = this.told(version, found);
    const at = { prediction: predicted.id, request: predicted.request, labels: this.labels + 1 };
    this.report(version, found, drift?.words ?? drop?.words, at);
    if (slices.isDue()) this.explain(version, at);
    return { ...(found.drift !== undefined && drift !== undefined ? { drift } : {}), ...(drop && { drop }) };
  }

  /** What was found, in words, also where it was told before. */
  private told(version: number, { drift, goesOn, drop }: VersionFindings): ErrorFindings {
    const { words } = this;
    const rise = drift ?? goesOn;
    const metric = words.metric === undefined ? {} : { metric: words.metric };
    return {
      ...(rise === undefined ? {} : { drift: { ...rise, ...metric, words: risen(words, version, rise) } }),
      ...(drop === undefined
        ? {}
        : { drop: { ...drop, metric: words.metric ?? ('loss' as const), words: words.dropped(version, drop) } }),
    };
  }

  /** Makes of what was found of the error a sighting of an incident, with what else has changed as its causes. */
  private report(version: number, found: VersionFindings, words: string | undefined, at: At): void {
    const { drift, drop, goesOn, isWell } = found;
    const sighting = { kind: 'concept' as const, version, at, toldAt: null };
    const slices = this.versions.slices.of(version);
    if (isWell) {
      slices.forget();
      this.incidents.see({ ...sighting, causes: [], loss: null });
    }
    if (words === undefined) return;
    const watch = this.versions.errors.of(version);
    const level = watch.level();
    const rise = drift ?? goesOn;
    if (rise !== undefined) slices.follow(rise.since, rise.before / watch.unit);
    const { before, after } = rise ?? { before: drop!.reference, after: drop!.value };
    const causes = this.causesOf(version, { kind: 'error', name: '', words, before, after });
    const loss = this.lossFrom(rise === undefined ? level : { before: level?.before ?? before, after }, 'measured');
    // Values that are missing where the error rose are what is wrong; the counts of the inputs will say so a tick later.
    const missing = slices.missing(slices.risen?.since ?? this.spec.drift.windowOutcomes);
    if (missing.length > 0) this.incidents.see({ ...sighting, kind: 'quality', causes: missing, loss });
    this.incidents.see({ ...sighting, causes, loss });
  }

  /** Tells the causes of a rise again, now that more rows have come since. */
  private explain(version: number, at: At): void {
    const watch = this.versions.errors.of(version);
    const before = watch.level()?.before;
    const { risen: rise } = this.versions.slices.of(version);
    if (before === undefined || rise === null) return;
    const level = { before, after: rise.mean * watch.unit };
    const words = risen(this.words, version, { ...level, since: rise.since });
    const causes = this.causesOf(version, { kind: 'error', name: '', words, ...level });
    const loss = this.lossFrom(level, 'measured');
    this.incidents.see({ kind: 'concept', version, causes, loss, at, toldAt: null, isLater: true });
  }

  /** Of a rise of the error, what explains most first. */
  private causesOf(version: number, error: Cause): Cause[] {
    const slices = this.versions.slices.of(version);
    const since = slices.risen?.since ?? this.spec.drift.windowOutcomes;
    const { unit } = this.versions.errors.of(version);
    return [...slices.missing(since), ...slices.suspects(since), ...slices.explain(since, this.words, unit), error];
  }

  private lossFrom(level: { before: number; after: number } | null, by: 'measured' | 'estimated'): Loss {
    if (level === null) return null;
    return { ...level, by, ...(this.words.metric === undefined ? {} : { metric: this.words.metric }) };
  }

  /** A window's answers of the champion by group. @returns the largest gap, where there was none before */
  private fairness({ fairness, toLabel }: PerformanceMeasured, { id, request }: Predicted): Cause | undefined {
    const version = this.versions.champion;
    if (fairness === undefined || version === null) return undefined;
    const causes = fairnessGaps(fairness, this.versions.allowed('fairness') * this.spec.drift.windowOutcomes);
    const at = { prediction: id, request, labels: toLabel };
    this.incidents.see({ kind: 'fairness', version, causes, loss: null, at, toldAt: null });
    const begins = causes.length > 0 && !this.isUnfair;
    this.isUnfair = causes.length > 0;
    return begins ? causes[0] : undefined;
  }

  /** Takes what a version was fed and answered in some rows, labelled or not. */
  measure(measured: InputsMeasured): Verdict[] {
    const { version, prediction, request, toldAt } = measured;
    const verdicts = this.versions.inputs.of(version).observe(measured);
    const at = { prediction, request, labels: this.labels };
    for (const { kind, causes, outputs } of verdicts) {
      const loss = causes.length === 0 ? null : this.lossOf(version, outputs, measured.from);
      this.incidents.see({ kind, version, causes, loss, at, toldAt });
    }
    return verdicts;
  }

  /** What the answers of some rows cost: measured, where labels have come so far, else as must be expected. */
  private lossOf(version: number, outputs: OutputCounts, from: number): Loss {
    const watch = this.versions.errors.find(version);
    const expected = this.versions.expected.find(version);
    if (watch === undefined || expected === undefined) return null;
    return expected.hasJudged(from)
      ? this.lossFrom(watch.level(), 'measured')
      : this.lossFrom(expected.of(outputs), 'estimated');
  }

  /** Whether the next tick is to be told to it. */
  get waits(): boolean {
    return this.incidents.waits;
  }

  /** A tick: what has gathered becomes incidents. */
  decide(now: number): Lifecycle[] {
    return this.incidents.decide(now);
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
    const hasChampion = this.versions.champion !== null;
    if (!hasChampion && this.lastReached === 0) return this.labels >= bootstrapLabels;
    const every = everyLabels ?? (hasChampion ? Infinity : minLabels);
    return this.labels - this.lastReached >= every;
  }

  /** Labels so far, and outcomes by kind. */
  get tally(): { labels: number; counts: Record<OutcomeKind, number> } {
    return { labels: this.labels, counts: { ...this.counts } };
  }

  state(): WatchState {
    const { spec, labels, counts, lastReached, isUnfair } = this;
    return {
      spec,
      labels,
      counts: { ...counts },
      lastReached,
      isUnfair,
      loss: this.loss.state(),
      window: this.window.state(),
      versions: this.versions.state(),
      groups: this.groups.state(),
      incidents: this.incidents.state(),
      comparisons: this.comparisons.map((comparison) => comparison.state()),
    };
  }

  static restored(state: WatchState): Watch {
    const watch = new Watch(state.spec);
    const { labels, lastReached, isUnfair } = state;
    Object.assign(watch, { labels, lastReached, isUnfair, counts: { ...state.counts } });
    watch.loss.restore(state.loss);
    watch.window.restore(state.window);
    watch.versions.restore(state.versions);
    watch.groups.restore(state.groups);
    watch.incidents.restore(state.incidents);
    watch.comparisons = state.comparisons.map((saved) => RolloutComparison.restored(saved));
    return watch;
  }
}
