/** A state as it was last committed. */
export interface KeptState<S> {
  state: S;
  /** UTC milliseconds; null: it wishes for no waking. */
  wakeAt: number | null;
  /** Characters of its JSON. */
  size: number;
}

/** Characters of JSON, in all. */
const SIZE_MAX = 1_000_000;

/**
 * The states that one task had in hand last in one partition, as they are committed: the next batch mostly wants the same. Nobody else writes them.
 * A batch that is thrown away may have changed them, so it takes all with it.
 */
export class RecentStates<S> {
  /** The one used longest ago first. */
  readonly #kept = new Map<string, KeptState<S>>();
  #size = 0;

  get(key: string): KeptState<S> | undefined {
    return this.#kept.get(key);
  }

  keep(key: string, kept: KeptState<S>): void {
    this.drop(key);
    this.#kept.set(key, kept);
    this.#size += kept.size;
    for (const oldest of this.#kept.keys()) {
      if (this.#size <= SIZE_MAX) return;
      this.drop(oldest);
    }
  }

  drop(key: string): void {
    const known = this.#kept.get(key);
    if (known === undefined) return;
    this.#kept.delete(key);
    this.#size -= known.size;
  }

  clear(): void {
    this.#kept.clear();
    this.#size = 0;
  }
}
