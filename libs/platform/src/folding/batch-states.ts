import type { Effects, StateCodec } from '../task.js';
import type { RecentStates } from './recent-states.js';

/** A state as it is stored: JSON, and the time to wake it. */
export interface StateRow {
  json: string;
  wakeAt: number | null;
}

/** Committed states of one task and partition. */
export interface StateSource {
  get(key: string): StateRow | undefined;
  /** The greatest key that begins with `prefix` and is at most `atOrBefore`, or below it. */
  floor(prefix: string, atOrBefore: string, below: boolean): string | undefined;
}

interface Entry<S> {
  state: S | undefined;
  wakeAt: number | null;
  stored: boolean;
  changed: boolean;
  /** Characters of its JSON. */
  size: number;
}

/** What a batch did to a key: `json` null deletes it. */
export interface StateChange {
  key: string;
  json: string | null;
  wakeAt: number | null;
}

/**
 * The states that a batch has in hand: each loaded once and saved once. Look-ups see what the batch itself has written.
 * Keys compare as their UTF-8 bytes do.
 */
export class BatchStates<S> {
  readonly #entries = new Map<string, Entry<S>>();
  /** Keys that this batch has made and the store does not hold, in order. */
  readonly #made: string[] = [];

  constructor(
    private readonly source: StateSource,
    private readonly codec: StateCodec<S> | undefined,
    /** The latest time that has been told, UTC milliseconds. */
    private readonly told: number,
    /** Committed states that are at hand. */
    private readonly recent?: RecentStates<S>,
  ) {}

  get(key: string): S | undefined {
    return this.#at(key).state;
  }

  wakeAt(key: string): number | null {
    return this.#at(key).wakeAt;
  }

  floor(prefix: string, atOrBefore: string): string | undefined {
    const made = this.#madeFloor(prefix, atOrBefore);
    let stored = this.source.floor(prefix, atOrBefore, false);
    while (stored !== undefined) {
      const entry = this.#entries.get(stored);
      if (entry === undefined || entry.state !== undefined) break;
      stored = this.source.floor(prefix, stored, true);
    }
    if (made === undefined || stored === undefined) return made ?? stored;
    return byteOrder(made, stored) > 0 ? made : stored;
  }

  /** Takes the state and the wish to be woken out of effects. */
  apply(key: string, effects: Effects<S>, wakes: boolean): void {
    const entry = this.#at(key);
    if (effects.state !== undefined) {
      const before = entry.state;
      entry.state = effects.state ?? undefined;
      entry.changed = true;
      if (entry.state === undefined) entry.wakeAt = null;
      if (!entry.stored && (before === undefined) !== (entry.state === undefined))
        this.#note(key, entry.state !== undefined);
    }
    const wakeAt = effects.wakeAt === 'nextTick' ? this.told + 1 : effects.wakeAt;
    if (wakeAt === undefined || (wakeAt === null && entry.wakeAt === null)) return;
    if (wakeAt !== null) {
      if (entry.state === undefined) throw new RangeError(`there is no state to wake under ${key}`);
      if (!wakes) throw new RangeError('a task that sets wakeAt needs a wake');
      if (!Number.isSafeInteger(wakeAt)) throw new RangeError(`wakeAt is in whole milliseconds, got ${wakeAt}`);
    }
    entry.wakeAt = wakeAt;
    entry.changed = true;
  }

  /** Cancels a wish that has come true. */
  woken(key: string): void {
    const entry = this.#at(key);
    entry.wakeAt = null;
    entry.changed = true;
  }

  changes(): StateChange[] {
    const changes: StateChange[] = [];
    for (const [key, entry] of this.#entries) {
      if (!entry.changed || (entry.state === undefined && !entry.stored)) continue;
      const json =
        entry.state === undefined ? null : JSON.stringify(this.codec ? this.codec.save(entry.state) : entry.state);
      if (json === undefined) throw new RangeError(`the state of ${key} is not JSON`);
      entry.size = json?.length ?? 0;
      changes.push({ key, json, wakeAt: entry.wakeAt });
    }
    return changes;
  }

  /** Hands over what it held, when its changes are committed. */
  keepIn(recent: RecentStates<S>): void {
    for (const [key, { state, wakeAt, size }] of this.#entries) {
      if (state === undefined) recent.drop(key);
      else recent.keep(key, { state, wakeAt, size });
    }
  }

  #at(key: string): Entry<S> {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry = this.#recent(key) ?? this.#stored(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #recent(key: string): Entry<S> | undefined {
    const kept = this.recent?.get(key);
    return kept === undefined ? undefined : { ...kept, stored: true, changed: false };
  }

  #stored(key: string): Entry<S> {
    const row = this.source.get(key);
    const json: unknown = row === undefined ? undefined : JSON.parse(row.json);
    const state = row === undefined ? undefined : this.codec ? this.codec.load(json) : (json as S);
    const { wakeAt = null, json: { length: size } = '' } = row ?? {};
    return { state, wakeAt, stored: row !== undefined, changed: false, size };
  }

  #note(key: string, made: boolean): void {
    const at = this.#upTo(key);
    if (made) this.#made.splice(at, 0, key);
    else this.#made.splice(at - 1, 1);
  }

  #madeFloor(prefix: string, atOrBefore: string): string | undefined {
    let at = this.#upTo(atOrBefore) - 1;
    while (at >= 0) {
      const key = this.#made[at] as string;
      if (key.startsWith(prefix)) return key;
      if (byteOrder(key, prefix) < 0) return undefined;
      at -= 1;
    }
    return undefined;
  }

  /** How many made keys are at most this one. */
  #upTo(key: string): number {
    let low = 0;
    let high = this.#made.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (byteOrder(this.#made[middle] as string, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The order of UTF-8 bytes, which is that of code points; JavaScript's own differs where surrogates meet U+E000 to U+FFFF. */
export function byteOrder(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}
