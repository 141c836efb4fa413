import { GyreError, topics, type Lifecycle, type LifecycleOf, type ModelInForce } from '@gyre/contracts';
import type { Logger } from '@gyre/hosting';
import type { LoadedModel } from '@gyre/model-runtime';
import type { Following, Platform, Recorded } from '@gyre/platform';
import { ServedVersion } from './served-version.js';

type ServingChanged = LifecycleOf<'ServingChanged'>;
type Slot = NonNullable<ServingChanged['champion']>;

/** What serves a model at a moment. A change makes a new one, so that a request which holds one sees nothing change under it. */
export interface Serving {
  readonly spec: ModelInForce;
  /** Answers requests that name no version; null: the fallback does. */
  readonly answering: ServedVersion | null;
  /** Why it is not the champion that the registry named: null when it is. */
  readonly degraded: 'no-version' | 'champion-not-loaded' | null;
  readonly previous: ServedVersion | null;
  readonly shadows: readonly ServedVersion[];
  /** Versions that answer a share of the requests; what is left is the champion's. */
  readonly arms: readonly Arm[];
  readonly rollout: string | null;
}

export interface Arm {
  readonly version: ServedVersion;
  /** Its share of the requests, in (0, 1]. */
  readonly weight: number;
  readonly role: 'canary' | 'split';
}

export interface ServingOptions {
  platform: Platform;
  load: (onnx: Uint8Array) => LoadedModel | Promise<LoadedModel>;
  log: Logger;
  /** Told of every version that could not be loaded, for the metrics. */
  notLoaded?: (model: string) => void;
}

/**
 * The table of what serves, as gyre.lifecycle says: for each model the newest ServingChanged counts.
 *
 * The new versions are fetched, verified, loaded and warmed while the old ones answer; then one assignment switches, and the old ones are
 * freed when their last request is through. A version that cannot be loaded changes nothing: the one before goes on, marked.
 */
export class ServingTable {
  private readonly table = new Map<string, Serving>();
  /** Offsets of the newest ServingChanged at the start: what lies before is history, and is not loaded. */
  private readonly newest = new Map<string, number>();
  /** sha-256 of every version that was ever registered or served, by model and version. */
  private readonly artifacts = new Map<string, Map<number, string>>();
  private following: Following | undefined;
  private opened = false;

  constructor(private readonly options: ServingOptions) {}

  /** Resolves when the models that served last are in place. */
  async open(): Promise<void> {
    const { platform } = this.options;
    for await (const { event, offset } of platform.read(topics.lifecycle)) {
      if (event.type === 'ServingChanged') this.newest.set(event.model, offset);
    }
    // The following waits for each change, so whoever waits until all is settled finds the models in place.
    this.following = platform.follow('gateway.serving', topics.lifecycle, (record) => this.handle(record));
    await this.following.caughtUp();
    this.opened = true;
  }

  /** Why it does not serve all that it should, in words; null when it does. */
  missing(): string | null {
    if (!this.opened) return 'the models that served last are being loaded';
    const without = [...this.table].filter(([, { degraded }]) => degraded === 'champion-not-loaded');
    return without.length === 0
      ? null
      : `the champion could not be loaded: ${without.map(([name]) => name).join(', ')}`;
  }

  /** Resolves when what lies in the log now is in place. */
  async caughtUp(): Promise<void> {
    await this.following?.caughtUp();
  }

  async close(): Promise<void> {
    await this.following?.stop();
    for (const serving of this.table.values()) for (const version of versionsOf(serving)) version.retire();
    this.table.clear();
  }

  /** @throws GyreError MODEL_NOT_FOUND */
  serving(model: string): Serving {
    const serving = this.table.get(model);
    if (serving !== undefined) return serving;
    const names = [...this.table.keys()];
    const advice = names.length === 0 ? 'none has been applied yet' : `there are: ${names.join(', ')}`;
    throw new GyreError('MODEL_NOT_FOUND', `no model named "${model}"; ${advice}`);
  }

  /** sha-256 of a version's file, whether it is loaded or not; null where no such version is known. */
  artifactOf(model: string, version: number): string | null {
    return this.artifacts.get(model)?.get(version) ?? null;
  }

  models(): string[] {
    return [...this.table.keys()];
  }

  /** Applies one record of gyre.lifecycle. */
  handle({ event, offset }: Recorded<Lifecycle>): void | Promise<void> {
    if (event.type === 'ModelApplied') this.applySpec(event.spec);
    if (event.type === 'VersionRegistered')
      this.note(event.model, { version: event.version, onnx: event.candidate.onnx });
    if (event.type === 'ServingChanged') {
      for (const slot of [event.champion, event.previous, ...event.shadows, ...(event.arms ?? [])])
        this.note(event.model, slot);
    }
    if (event.type === 'ServingChanged' && offset >= (this.newest.get(event.model) ?? 0)) return this.change(event);
  }

  private note(model: string, slot: Slot | null): void {
    if (slot === null) return;
    const versions = this.artifacts.get(model) ?? new Map<number, string>();
    versions.set(slot.version, slot.onnx);
    this.artifacts.set(model, versions);
  }

  private applySpec(spec: ModelInForce): void {
    const none = {
      answering: null,
      degraded: 'no-version',
      previous: null,
      shadows: [],
      arms: [],
      rollout: null,
    } as const;
    this.table.set(spec.name, { ...(this.table.get(spec.name) ?? none), spec });
  }

  private async change(event: ServingChanged): Promise<void> {
    const before = this.table.get(event.model);
    if (before === undefined) {
      this.options.log.warn('what serves a model was changed before the model was applied', { model: event.model });
      return;
    }
    const loader = new Map<string, Promise<ServedVersion | null>>();
    const slot = (wanted: Slot | null): Promise<ServedVersion | null> => {
      if (wanted === null) return Promise.resolve(null);
      const key = `${wanted.version} ${wanted.onnx}`;
      const version = loader.get(key) ?? this.version(wanted, before);
      loader.set(key, version);
      return version;
    };
    const champion = await slot(event.champion);
    const previous = await slot(event.previous);
    const shadows = await Promise.all(event.shadows.map(slot));
    const arms = await Promise.all(
      (event.arms ?? []).map(async ({ weight, role, ...wanted }) => ({ version: await slot(wanted), weight, role })),
    );
    const answering = champion ?? (event.champion === null ? null : (before.answering ?? previous));
    const after: Serving = {
      // Read again: while the versions were loaded nothing else was handled, but the spec is the table's to keep.
      spec: (this.table.get(event.model) ?? before).spec,
      answering,
      degraded: event.champion === null ? 'no-version' : champion === null ? 'champion-not-loaded' : null,
      previous,
      shadows: shadows.filter((shadow) => shadow !== null && shadow !== answering) as ServedVersion[],
      // The share of one that cannot be loaded is the champion's.
      arms: arms.filter((arm): arm is Arm => arm.version !== null && arm.version !== answering),
      rollout: event.rollout,
    };
    this.table.set(event.model, after);
    const kept = versionsOf(after);
    for (const version of versionsOf(before)) if (!kept.has(version)) version.retire();
    const { log } = this.options;
    log.info('what serves has changed', {
      model: event.model,
      champion: answering?.version ?? null,
      shadows: after.shadows.map((s) => s.version),
    });
  }

  /** The version in memory, or null where it cannot be had. */
  private async version(wanted: Slot, before: Serving): Promise<ServedVersion | null> {
    const { platform, load, log, notLoaded } = this.options;
    for (const there of versionsOf(before)) {
      if (there.version === wanted.version && there.onnx === wanted.onnx) return there;
    }
    const { spec } = before;
    let model: LoadedModel | undefined;
    try {
      model = await load(await platform.artifacts.get(wanted.onnx));
      if (spec.imported !== true && model.width !== spec.inputs.length) {
        throw new GyreError(
          'MODEL_INVALID',
          `it takes ${model.width ?? 'something other than'} features a row; the model's spec names ${spec.inputs.length}`,
        );
      }
      const version = new ServedVersion(wanted.version, wanted.onnx, spec, model);
      // An imported model was warmed by the samples that measured it.
      for (const rows of spec.imported === true ? [] : WARMING)
        await version.run(new Float32Array(rows * spec.inputs.length), rows);
      return version;
    } catch (error) {
      model?.dispose();
      notLoaded?.(spec.name);
      log.error('a version cannot be loaded', {
        model: spec.name,
        version: wanted.version,
        onnx: wanted.onnx,
        error: (error as Error).message,
      });
      return null;
    }
  }
}

/** Rows of the batches with which a version is warmed: memory is taken and kernels chosen before the first request. */
const WARMING = [1, 32];

/**
 * The version that answers a request.
 * @param wanted a version that is loaded; empty: the one that serves
 * @returns null: the fallback
 * @throws GyreError VERSION_NOT_FOUND
 */
export function chosenVersion(serving: Serving, wanted: string): ServedVersion | null {
  if (wanted === '') return serving.answering;
  const there = [...versionsOf(serving)];
  const version = there.find((one) => String(one.version) === wanted);
  if (version !== undefined) return version;
  const names = there.length === 0 ? 'none is yet' : `there are: ${there.map((one) => one.version).join(', ')}`;
  throw new GyreError('VERSION_NOT_FOUND', `version "${wanted}" of ${serving.spec.name} is not loaded; ${names}`);
}

/** All versions in memory. */
export function versionsOf({ answering, previous, shadows, arms }: Serving): Set<ServedVersion> {
  const all = [answering, previous, ...shadows, ...arms.map(({ version }) => version)];
  return new Set(all.filter((version) => version !== null));
}
