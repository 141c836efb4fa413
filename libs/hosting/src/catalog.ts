import { GyreError, topics, type FeatureViewSpec, type Lifecycle, type ModelInForce } from '@gyre/contracts';
import type { Following, Platform } from '@gyre/platform';
import { whatThereIs } from './spelling.js';

/** The specs in force: for each name the one applied last. A view of gyre.lifecycle, one per process. */
export class Catalog {
  private readonly views = new Map<string, FeatureViewSpec>();
  private readonly models = new Map<string, ModelInForce>();
  private following: Following | undefined;
  /** UTC milliseconds: what was applied by then is known. */
  private knownUpTo = -Infinity;
  private catchingUp: Promise<void> | undefined;

  /** Begins to follow the platform's lifecycle; resolves when what lies there now is known. */
  async open(platform: Platform): Promise<void> {
    this.following = platform.follow('hosting.catalog', topics.lifecycle, (record) => this.apply(record.event));
    await this.caughtUp();
  }

  /** Resolves when every spec is known that had been applied when it was called. */
  async caughtUp(): Promise<void> {
    await this.following?.caughtUp();
  }

  /**
   * Whether every spec is known that was applied before an event was appended, at this time, UTC milliseconds. If not, the log is read up to
   * there, so that it soon is. Nobody has to wait longer because the log's clock and this one differ.
   */
  isKnownUpTo(appendedAt: number): boolean {
    if (appendedAt <= this.knownUpTo) return true;
    if (this.catchingUp === undefined) {
      const upTo = Math.max(appendedAt, Date.now());
      this.catchingUp = this.caughtUp()
        .then(() => void (this.knownUpTo = Math.max(this.knownUpTo, upTo)))
        .catch(() => undefined)
        .finally(() => (this.catchingUp = undefined));
    }
    return false;
  }

  apply(event: Lifecycle): void {
    if (event.type === 'ViewApplied') this.views.set(event.spec.name, event.spec);
    if (event.type === 'ModelApplied') this.models.set(event.spec.name, event.spec);
  }

  view(name: string): FeatureViewSpec | undefined {
    return this.views.get(name);
  }
  model(name: string): ModelInForce | undefined {
    return this.models.get(name);
  }
  allViews(): FeatureViewSpec[] {
    return [...this.views.values()];
  }
  allModels(): ModelInForce[] {
    return [...this.models.values()];
  }

  /** @throws GyreError MODEL_NOT_FOUND, naming the models there are */
  requireModel(name: string): ModelInForce {
    const model = this.models.get(name);
    if (model !== undefined) return model;
    const there = [...this.models.keys()];
    const advice =
      there.length === 0 ? 'none has been applied yet; apply one with `gyre apply -f SPEC.yaml`' : whatThereIs(there);
    throw new GyreError('MODEL_NOT_FOUND', `no model named "${name}"; ${advice}`);
  }
}
