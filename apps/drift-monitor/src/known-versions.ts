import { topics, type FeatureReference, type Lifecycle } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';

/** Of each model, versions whose predictions may still come: the newest ones, and the one that serves. */
export const VERSIONS_KEPT = 12;

/** What a version was trained on. */
export interface Training {
  reference: FeatureReference[];
  /** Some of its rows, as `binnedRow` writes them; empty where there are none. */
  rows: string;
  /** The season that it shows, ms. */
  period: number | null;
}

export const NO_TRAINING: Training = { reference: [], rows: '', period: null };

interface Known {
  version: number;
  training: Training;
}

/** What each version was trained on. A view of gyre.lifecycle, one per process: it is asked in partitions that the model's own events never reach. */
export class KnownVersions {
  private readonly runs = new Map<string, { run: string; training: Training }[]>();
  private readonly versions = new Map<string, Known[]>();
  private readonly champions = new Map<string, number | null>();

  /** Begins to follow; resolves when what lies in the log now is known. */
  async open(platform: Platform): Promise<void> {
    await platform
      .follow('drift-monitor.known-versions', topics.lifecycle, ({ event }) => this.apply(event))
      .caughtUp();
  }

  apply(event: Lifecycle): void {
    const { model } = event;
    if (event.type === 'TrainingFinished' && event.candidates.length > 0) {
      const one = { run: event.run, training: trainingOf(event) };
      this.runs.set(model, [one, ...(this.runs.get(model) ?? [])].slice(0, 3));
    }
    if (event.type === 'VersionRegistered') {
      const training = this.runs.get(model)?.find(({ run }) => run === event.run)?.training ?? NO_TRAINING;
      const known = { version: event.version, training };
      const champion = this.champions.get(model) ?? null;
      this.versions.set(
        model,
        kept([known, ...(this.versions.get(model) ?? [])], (one) => one === champion),
      );
    }
    if (event.type === 'ServingChanged') this.champions.set(model, event.champion?.version ?? null);
  }

  /**
   * With a reference in the order of the model's inputs; an empty one for a version that is too old to be kept here.
   * @returns undefined for one that is not known here yet
   */
  training(model: string, version: number): Training | undefined {
    const known = this.versions.get(model) ?? [];
    const there = known.find((one) => one.version === version)?.training;
    return there ?? (known.some((one) => one.version > version) ? NO_TRAINING : undefined);
  }
}

export function trainingOf({ reference, together }: Extract<Lifecycle, { type: 'TrainingFinished' }>): Training {
  return { reference, rows: together?.rows ?? '', period: together?.period ?? null };
}

/** @param versions newest first @param isNeeded of those that are kept however old they are */
export function kept<T extends { version: number }>(
  versions: readonly T[],
  isNeeded: (version: number) => boolean,
): T[] {
  return versions.filter(({ version }, i) => i < VERSIONS_KEPT || isNeeded(version));
}
