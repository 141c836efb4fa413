import type { FeatureReference, LifecycleOf, ModelInForce } from '@gyre/contracts';

/** What a version was trained on. */
export interface Training {
  reference: FeatureReference[];
  /** Some of its rows, as `binnedRow` writes them; empty where there are none. */
  rows: string;
  /** The season that it shows, ms. */
  period: number | null;
}

export const NO_TRAINING: Training = { reference: [], rows: '', period: null };

/** Nothing where it is of other inputs than the model's. */
export function fitting(training: Training, { inputs }: Pick<ModelInForce, 'inputs'>): Training {
  const { reference } = training;
  const isSame = inputs.every(({ view, field }, i) => reference[i]?.feature === `${view}.${field}`);
  return isSame && reference.length === inputs.length ? training : NO_TRAINING;
}

/** The versions that answer or are scored, or stand by for one that fails. */
export function inService(event: LifecycleOf<'ServingChanged'>): Set<number> {
  const { champion, previous, shadows, arms = [] } = event;
  const all = [champion, previous, ...shadows, ...arms];
  return new Set(all.flatMap((one) => (one === null ? [] : [one.version])));
}

/** Of each model, versions whose predictions may still come: the newest ones, and those that are needed. */
export const VERSIONS_KEPT = 12;
/** Runs whose versions may still be registered. */
const RUNS_KEPT = 3;

interface Made {
  version: number;
  run: string;
}

export interface TrainingsState<V extends Made> {
  known: V[];
  runs: { run: string; training: Training }[];
}

/** What one model's versions were trained on, newest first. A run's versions share what is kept of it. */
export class Trainings<V extends Made> {
  private known: V[] = [];
  private runs: TrainingsState<V>['runs'] = [];

  trained({ run, candidates, reference, together }: LifecycleOf<'TrainingFinished'>): void {
    if (candidates.length === 0) return;
    const training = { reference, rows: together?.rows ?? '', period: together?.period ?? null };
    const isKnown = (one: { run: string }) => this.known.some((version) => version.run === one.run);
    this.runs = [{ run, training }, ...this.runs].filter((one, i) => i < RUNS_KEPT || isKnown(one));
  }

  /** @param isNeeded of those that are kept however old they are */
  registered(made: V, isNeeded: (version: number) => boolean): void {
    this.known = [made, ...this.known].filter(({ version }, i) => i < VERSIONS_KEPT || isNeeded(version));
  }

  find(version: number): V | undefined {
    return this.known.find((one) => one.version === version);
  }

  /** Nothing where the version is not known, or its run was made without a reference. */
  of(version: number): Training {
    const run = this.find(version)?.run;
    return this.runs.find((one) => one.run === run)?.training ?? NO_TRAINING;
  }

  /** Whether the version is so old that it may have been forgotten. */
  isPast(version: number): boolean {
    return this.known.some((one) => one.version > version);
  }

  state(): TrainingsState<V> {
    return { known: this.known, runs: this.runs };
  }

  restore({ known, runs }: TrainingsState<V>): void {
    this.known = known;
    this.runs = runs;
  }
}
