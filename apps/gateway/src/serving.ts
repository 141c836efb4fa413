import { GyreError, topics, type Lifecycle, type LifecycleOf, type ModelInForce } from '@gyre/contracts';
import { Identity, whatThereIs, type Logger } from '@gyre/hosting';
import type { LoadedModel } from '@gyre/model-runtime';
import type { Following, Platform, Recorded } from '@gyre/platform';
import { LackingVersions, type LackingSlot } from './lacking-versions.js';
import type { LastKnown, LastKnownModel } from './last-known.js';
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
  /** It is what this gateway last knew: the platform has not said since the start whether it still holds. */
  readonly lastKnown?: true;
}

export interface Arm {
  readonly version: ServedVersion;
  /** Its share of the requests, in (0, 1]. */
  readonly weight: number;
  readonly role: 'canary' | 'split';
}

export interface ServingOptions {
  platform: Platform;
  /** @param again the same bytes, where they are needed once more while it serves */
  load: (onnx: Uint8Array, again: () => Promise<Uint8Array>) => LoadedModel | Promise<LoadedModel>;
  log: Logger;
  /** Told of every version that could not be loaded, for the metrics. */
  notLoaded?: (model: string) => void;
  /** Where it keeps what it knows, for a start without the platform. */
  lastKnown?: LastKnown;
}

/**
 * The table of what serves, as gyre.lifecycle says: for each model the newest ServingChanged counts.
 *
 * The new versions are fetched, verified, loaded and warmed while the old ones answer; then one assignment switches, and the old ones are
 * freed when their last request is through. A version that cannot be loaded changes nothing: the one before goes on, marked; it is tried again, unless
 * its file is no model.
 *
 * Where the platform is away at the start it begins with what this gateway last knew, marked, until the log has been read.
 */
export class ServingTable {
  private readonly table = new Map<string, Serving>();
  /** Offsets of the newest ServingChanged at the start: what lies before is history, and is not loaded. */
  private readonly newest = new Map<string, number>();
  /** And of the newest ModelApplied. */
  private readonly newestSpec = new Map<string, number>();
  /** What is in force, as it was said. */
  private readonly said = new Map<string, LastKnownModel>();
  /** sha-256 of every version that was ever registered or served, by model and version. */
  private readonly artifacts = new Map<string, Map<number, string>>();
  private readonly lacking = new LackingVersions((event, spec) => {
    // Something else may have been said until it is its turn.
    void this.inTurn(async () => (this.lacking.of(event).length > 0 ? this.changeTo(event, spec) : undefined));
  });
  /** Changes, one after the other: those that the log says, and those that are tried again. */
  private changing: Promise<void> = Promise.resolve();
  private following: Following | undefined;
  private opened = false;
  private closed = false;
  private onLastKnown = false;

  constructor(private readonly options: ServingOptions) {}

  /** Resolves when the models that served last are in place: by the log, or, where the platform is away, as this gateway last knew them. */
  async open(): Promise<void> {
    const { platform, lastKnown } = this.options;
    const known = platform.away === null ? [] : (lastKnown?.models() ?? []);
    if (known.length === 0) await this.begin();
    else {
      this.onLastKnown = true;
      for (const { spec, serving } of known) {
        this.applySpec(spec);
        if (serving !== null) await this.change(serving);
      }
      void this.beginLate();
    }
    this.opened = true;
  }

  private async begin(): Promise<void> {
    const { platform } = this.options;
    for await (const { event, offset } of platform.read(topics.lifecycle)) {
      if (event.type === 'ServingChanged') this.newest.set(event.model, offset);
      if (event.type === 'ModelApplied') this.newestSpec.set(event.spec.name, offset);
    }
    // The following waits for each change, so whoever waits until all is settled finds the models in place.
    this.following = platform.follow('gateway.serving', topics.lifecycle, (record) => this.handle(record));
    await this.following.caughtUp();
  }

  /** Reads the log as soon as the platform is there; what is in place serves on meanwhile. */
  private async beginLate(): Promise<void> {
    const { log } = this.options;
    log.warn('the platform is away; what this gateway last knew serves', { models: this.models() });
    while (!this.closed) {
      try {
        await this.begin();
        this.onLastKnown = false;
        for (const [name, { lastKnown: _, ...serving }] of this.table) this.table.set(name, serving);
        log.info('the platform is there; what serves is what it says', { models: this.models() });
        return;
      } catch (error) {
        if (this.closed) return;
        log.warn('what serves cannot be read yet', { error: (error as Error).message });
        await this.following?.stop();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** Why it cannot answer as it should, in words; null when it can. */
  missing(): string | null {
    if (!this.opened) return 'the models that served last are being loaded';
    const without = this.withoutChampion(({ answering }) => answering === null);
    return without === '' ? null : `no version could be loaded: ${without}`;
  }

  /** What is not as it should be though requests are answered, in words; null when all is. */
  degraded(): string | null {
    const words = this.onLastKnown ? ['what this gateway last knew serves, for the platform is away'] : [];
    const older = this.withoutChampion(({ answering }) => answering !== null);
    if (older !== '') words.push(`the champion could not be loaded, an older version answers: ${older}`);
    const others = this.lacking.words();
    if (others.length > 0) words.push(`could not be loaded: ${others.join(', ')}`);
    for (const [name, serving] of this.table) {
      for (const { version, problem } of versionsOf(serving))
        if (problem !== null) words.push(`version ${version} of ${name} cannot answer: ${problem}`);
    }
    return words.length === 0 ? null : words.join('; ');
  }

  private withoutChampion(which: (serving: Serving) => boolean): string {
    const without = [...this.table].filter(([, one]) => one.degraded === 'champion-not-loaded' && which(one));
    return without.map(([name]) => name).join(', ');
  }

  /** Resolves when what lies in the log now is in place. */
  async caughtUp(): Promise<void> {
    await this.following?.caughtUp();
  }

  /** Resolves when all that is to serve is loaded, but for files that are no models. */
  async loaded(): Promise<void> {
    await this.caughtUp();
    await this.changing;
    await this.lacking.had();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.lacking.close();
    await this.following?.stop();
    await this.options.lastKnown?.kept();
    for (const serving of this.table.values()) for (const version of versionsOf(serving)) version.retire();
    this.table.clear();
  }

  /**
   * @param caller who asks, and is told of no model but those that it may know of
   * @throws GyreError MODEL_NOT_FOUND
   */
  serving(model: string, caller: Pick<Identity, 'may'> = Identity.LOCAL): Serving {
    const serving = this.table.get(model);
    if (serving !== undefined) return serving;
    const names = this.models().filter((name) => caller.may('predictor', name) || caller.may('viewer'));
    const advice =
      names.length === 0
        ? this.table.size === 0
          ? 'none has been applied yet; gyre apply -f and gyre import do'
          : 'there is none that you may use'
        : whatThereIs(names);
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
    // Of a model that serves already, an older spec is history.
    if (event.type === 'ModelApplied' && !(this.onLastKnown && offset < (this.newestSpec.get(event.spec.name) ?? 0)))
      this.applySpec(event.spec);
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
    this.table.set(spec.name, { ...(this.table.get(spec.name) ?? { ...none, ...this.mark() }), spec });
    this.keep(spec.name, { spec });
  }

  private mark(): { lastKnown?: true } {
    return this.onLastKnown ? { lastKnown: true } : {};
  }

  /** What is in force is kept for the next start. */
  private keep(model: string, changed: Partial<LastKnownModel>): void {
    const { lastKnown } = this.options;
    const before = this.said.get(model) ?? { serving: null };
    this.said.set(model, { ...before, ...changed } as LastKnownModel);
    lastKnown?.keep(() => [...this.said.values()]);
  }

  private change(event: ServingChanged): Promise<void> {
    return this.inTurn(() => this.changeTo(event));
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.changing.then(work);
    this.changing = done.catch(() => undefined);
    return done;
  }

  /** @param given the spec that the versions are loaded under, where it is not the present one */
  private async changeTo(event: ServingChanged, given?: ModelInForce): Promise<void> {
    const before = this.table.get(event.model);
    if (before === undefined) {
      this.options.log.warn('what serves a model was changed before the model was applied', { model: event.model });
      return;
    }
    const spec = given ?? before.spec;
    const loader = new Map<string, Promise<ServedVersion | null>>();
    const lacked = this.lacking.of(event);
    const slots: LackingSlot[] = [];
    const slot = (wanted: Slot | null, role: LackingSlot['role']): Promise<ServedVersion | null> => {
      if (wanted === null) return Promise.resolve(null);
      const { version, onnx } = wanted;
      const key = `${version} ${onnx}`;
      let found = loader.get(key);
      if (found === undefined) {
        const missed = (isInvalid: boolean): null => (slots.push({ role, version, onnx, isInvalid }), null);
        const isInvalid = lacked.some((one) => one.onnx === onnx && one.isInvalid);
        found = isInvalid ? Promise.resolve(missed(true)) : this.version(wanted, before, spec, missed);
      }
      loader.set(key, found);
      return found;
    };
    const champion = await slot(event.champion, 'champion');
    const previous = await slot(event.previous, 'previous');
    const shadows = await Promise.all(event.shadows.map((shadow) => slot(shadow, 'shadow')));
    const arms = await Promise.all(
      (event.arms ?? []).map(async ({ weight, role, ...arm }) => ({ version: await slot(arm, role), weight, role })),
    );
    if (this.closed) {
      const there = versionsOf(before);
      for (const version of [champion, previous, ...shadows, ...arms.map((arm) => arm.version)])
        if (version !== null && !there.has(version)) version.retire();
      return;
    }
    this.lacking.note(event, spec, slots);
    // Tried again, and nothing more could be had.
    if (lacked.length > 0 && slots.length === lacked.length) return;
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
      ...this.mark(),
    };
    this.table.set(event.model, after);
    this.keep(event.model, { serving: event });
    const kept = versionsOf(after);
    for (const version of versionsOf(before)) if (!kept.has(version)) version.retire();
    const { log } = this.options;
    log.info('what serves has changed', {
      model: event.model,
      champion: answering?.version ?? null,
      shadows: after.shadows.map((s) => s.version),
    });
  }

  /** A version's file, from this gateway's disk, else from the platform. @throws GyreError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT, PLATFORM_UNAVAILABLE */
  async artifact(onnx: string): Promise<Uint8Array> {
    const { platform, lastKnown } = this.options;
    const here = await lastKnown?.artifact(onnx);
    if (here) return here;
    const bytes = await platform.artifacts.get(onnx);
    await lastKnown?.keepArtifact(onnx, bytes);
    return bytes;
  }

  /** The version in memory, or null where it cannot be had. @param missed told then, and whether it never can */
  private async version(
    wanted: Slot,
    before: Serving,
    spec: ModelInForce,
    missed: (isInvalid: boolean) => null,
  ): Promise<ServedVersion | null> {
    const { load, log, notLoaded } = this.options;
    for (const there of versionsOf(before)) {
      if (there.version === wanted.version && there.onnx === wanted.onnx) return there;
    }
    let model: LoadedModel | undefined;
    try {
      const artifact = (): Promise<Uint8Array> => this.artifact(wanted.onnx);
      model = await load(await artifact(), artifact);
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
      return missed(error instanceof GyreError && error.code === 'MODEL_INVALID');
    }
  }
}

/** Between two tries to read the log. */
const AGAIN_MS = 1_000;
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
