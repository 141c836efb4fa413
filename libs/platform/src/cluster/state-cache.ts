import type { StateRow } from '../folding/batch-states.js';

/** What an entry costs besides its JSON. */
const ENTRY_BYTES = 200;

/** The most recently used states of all tasks of a process, as they are stored; null: it is known that there is none. */
export class StateCache {
  readonly #rows = new Map<string, StateRow | null>();
  #bytes = 0;

  /** @param bytesMax of JSON and keys; two bytes are counted for each character */
  constructor(private readonly bytesMax: number) {}

  /** @param owner a name that nobody has who worked on the partition before, or will */
  get(owner: string, key: string): StateRow | null | undefined {
    const id = `${owner} ${key}`;
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    this.#rows.delete(id);
    this.#rows.set(id, row);
    return row;
  }

  set(owner: string, key: string, row: StateRow | null): void {
    const id = `${owner} ${key}`;
    const before = this.#rows.get(id);
    if (before !== undefined) {
      this.#rows.delete(id);
      this.#bytes -= bytesOf(id, before);
    }
    this.#rows.set(id, row);
    this.#bytes += bytesOf(id, row);
    for (const [oldest, each] of this.#rows) {
      if (this.#bytes <= this.bytesMax) return;
      this.#rows.delete(oldest);
      this.#bytes -= bytesOf(oldest, each);
    }
  }
}

function bytesOf(id: string, row: StateRow | null): number {
  return ENTRY_BYTES + 2 * (id.length + (row?.json.length ?? 0));
}
