import { topics, type FeatureReference, type Lifecycle } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';

/** Of each model, versions whose predictions may still come: the newest ones. */
export const VERSIONS_KEPT = 12;

interface Known {
  version: number;
  reference: FeatureReference[];
}

/** What each version was trained on. A view of gyre.lifecycle, one per process: it is asked in partitions that the model's own events never reach. */
export class KnownVersions {
  private readonly runs = new Map<string, { run: string; reference: FeatureReference[] }[]>();
  private readonly versions = new Map<string, Known[]>();

  /** Begins to follow; resolves when what lies in the log now is known. */
  async open(platform: Platform): Promise<void> {
    await platform
      .follow('drift-monitor.known-versions', topics.lifecycle, ({ event }) => this.apply(event))
      .caughtUp();
  }

  apply(event: Lifecycle): void {
    const { model } = event;
    if (event.type === 'TrainingFinished' && event.candidates.length > 0) {
      const { run, reference } = event;
      this.runs.set(model, [{ run, reference }, ...(this.runs.get(model) ?? [])].slice(0, 3));
    }
    if (event.type === 'VersionRegistered') {
      const reference = this.runs.get(model)?.find(({ run }) => run === event.run)?.reference ?? [];
      const known = { version: event.version, reference };
      this.versions.set(model, [known, ...(this.versions.get(model) ?? [])].slice(0, VERSIONS_KEPT));
    }
  }

  /**
   * In the order of the model's inputs; empty for a version that is too old to be kept here.
   * @returns undefined for one that is not known here yet
   */
  reference(model: string, version: number): FeatureReference[] | undefined {
    const known = this.versions.get(model) ?? [];
    const there = known.find((one) => one.version === version)?.reference;
    return there ?? (known.some((one) => one.version > version) ? [] : undefined);
  }
}
