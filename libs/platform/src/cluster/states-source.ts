import { byteOrder, type StateChange, type StateRow, type StateSource } from '../folding/batch-states.js';
import type { Floor, States, StoredChange } from './mongo/states.js';
import type { StateCache } from './state-cache.js';

const PAGE = 64;

/** A fold asked for what is not in memory yet. It is fetched, and the batch is folded again from its beginning. */
export class NotLoaded extends Error {
  constructor(readonly wanted: string | Floor) {
    super('a state is not in memory yet');
  }
}

/** All keys of a prefix from `first` to `last` (included unless `below`), the greatest first. undefined: down to the prefix's beginning. */
interface Range {
  last: string;
  below: boolean;
  first: string | undefined;
  keys: readonly string[];
}

/**
 * The states of one partition for one batch after the other. A fold does not wait: what it will ask for is fetched before, as far as that can be
 * foretold; the rest when it asks.
 */
export class StatesSource implements StateSource {
  readonly #rows = new Map<string, StateRow | null>();
  /** By prefix. */
  readonly #ranges = new Map<string, Range[]>();

  constructor(
    private readonly states: States,
    private readonly cache: StateCache,
    private readonly owner: string,
    private readonly partition: number,
  ) {}

  get(key: string): StateRow | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) throw new NotLoaded(key);
    return row ?? undefined;
  }

  floor(prefix: string, atOrBefore: string, below: boolean): string | undefined {
    const found = this.#find(bounded({ prefix, atOrBefore, below }));
    if (found === null) throw new NotLoaded({ prefix, atOrBefore, below });
    return found;
  }

  /** Fetches what is not in memory. */
  async fetch(keys: Iterable<string>, floors: readonly { prefix: string; atOrBefore: string }[]): Promise<void> {
    const wanted = floors.map((each) => bounded({ ...each, below: false }));
    // The greatest of a prefix first: what comes with it may answer the others.
    wanted.sort((a, b) => byteOrder(b.atOrBefore, a.atOrBefore));
    const found = new Set(keys);
    for (const each of wanted) {
      if (this.#find(each) === null) await this.#look(each);
      const key = this.#find(each);
      if (typeof key === 'string') found.add(key);
    }
    await this.#load(found);
  }

  /** Fetches what a fold asked for. */
  async add({ wanted }: NotLoaded): Promise<void> {
    if (typeof wanted === 'string') return this.#load([wanted]);
    const each = bounded(wanted);
    if (this.#find(each) === null) await this.#look(each);
    const key = this.#find(each);
    if (typeof key === 'string') await this.#load([key]);
  }

  /** Which of the changes are to keys that the store held nothing under. */
  stored(changes: readonly StateChange[]): StoredChange[] {
    return changes.map((change) => ({ ...change, isNew: (this.#rows.get(change.key) ?? null) === null }));
  }

  /** Keeps what was committed for the batches to come, and forgets the batch. */
  committed(changes: readonly StateChange[]): void {
    for (const { key, json, wakeAt } of changes)
      this.cache.set(this.owner, key, json === null ? null : { json, wakeAt });
    this.forget();
  }

  forget(): void {
    this.#rows.clear();
    this.#ranges.clear();
  }

  /** The key; undefined where there is none, null where that is not known. */
  #find({ prefix, atOrBefore, below }: Floor): string | undefined | null {
    for (const range of this.#ranges.get(prefix) ?? []) {
      const order = byteOrder(atOrBefore, range.last);
      if (order > 0 || (order === 0 && range.below && !below)) continue;
      const key = range.keys.find((each) => {
        const at = byteOrder(each, atOrBefore);
        return below ? at < 0 : at <= 0;
      });
      if (key !== undefined || range.first === undefined) return key;
    }
    return null;
  }

  async #look(floor: Floor): Promise<void> {
    const found = await this.states.before(this.partition, floor, PAGE);
    for (const { key, row } of found) this.#rows.set(key, row);
    const keys = found.map(({ key }) => key);
    const { prefix, atOrBefore: last, below } = floor;
    const range = { last, below, first: keys.length < PAGE ? undefined : keys.at(-1), keys };
    const known = this.#ranges.get(prefix);
    if (known === undefined) this.#ranges.set(prefix, [range]);
    else known.push(range);
  }

  async #load(keys: Iterable<string>): Promise<void> {
    const missing: string[] = [];
    for (const key of keys) {
      if (this.#rows.has(key)) continue;
      const row = this.cache.get(this.owner, key);
      if (row === undefined) missing.push(key);
      else this.#rows.set(key, row);
    }
    if (missing.length === 0) return;
    const rows = await this.states.load(this.partition, missing);
    for (const key of missing) {
      const row = rows.get(key) ?? null;
      this.#rows.set(key, row);
      this.cache.set(this.owner, key, row);
    }
  }
}

/** Bounded by the prefix's own end, so that its keys alone lie between. */
function bounded({ prefix, atOrBefore, below }: Floor): Floor {
  const last = `${prefix}\u{10ffff}`;
  return atOrBefore.startsWith(prefix) || byteOrder(atOrBefore, last) < 0
    ? { prefix, atOrBefore, below }
    : { prefix, atOrBefore: last, below: false };
}
