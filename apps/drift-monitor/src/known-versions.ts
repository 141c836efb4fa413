import { topics, type Lifecycle } from '@gyre/contracts';
import type { Platform } from '@gyre/platform';
import { inService, NO_TRAINING, Trainings, type Training } from './trainings.js';

interface Known {
  trainings: Trainings<{ version: number; run: string }>;
  serving: ReadonlySet<number>;
}

/** What each version was trained on. A view of gyre.lifecycle, one per process: it is asked in partitions that the model's own events never reach. */
export class KnownVersions {
  private readonly models = new Map<string, Known>();

  /** Begins to follow; resolves when what lies in the log now is known. */
  async open(platform: Platform): Promise<void> {
    await platform
      .follow('drift-monitor.known-versions', topics.lifecycle, ({ event }) => this.apply(event))
      .caughtUp();
  }

  apply(event: Lifecycle): void {
    const known = this.models.get(event.model) ?? { trainings: new Trainings(), serving: new Set<number>() };
    this.models.set(event.model, known);
    if (event.type === 'TrainingFinished') known.trainings.trained(event);
    if (event.type === 'VersionRegistered')
      known.trainings.registered({ version: event.version, run: event.run }, (one) => known.serving.has(one));
    if (event.type === 'ServingChanged') known.serving = inService(event);
  }

  /**
   * With a reference in the order of the model's inputs; an empty one for a version that is too old to be kept here.
   * @returns undefined for one that is not known here yet
   */
  training(model: string, version: number): Training | undefined {
    const trainings = this.models.get(model)?.trainings;
    if (trainings?.find(version) !== undefined) return trainings.of(version);
    return trainings?.isPast(version) === true ? NO_TRAINING : undefined;
  }
}
