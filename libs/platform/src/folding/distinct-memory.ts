/** The ids of the last `within` events of one partition; an event that was refused holds its place without an id. */
export class DistinctMemory {
  /** The last place of each id, places being counted from the first event on. */
  readonly #places = new Map<string, number>();
  /** The ids of the window: that of place n in slot n % within. */
  readonly #ring: (string | undefined)[] = [];
  #next = 0;
  /** What a batch under way has added, and the place that each id had before. */
  #uncertain: { id: string | undefined; before: number | undefined }[] = [];

  constructor(private readonly within: number) {
    if (!Number.isInteger(within) || within < 1)
      throw new RangeError(`distinct.within must be a whole number from 1 on, got ${within}`);
  }

  has(id: string): boolean {
    const place = this.#places.get(id);
    return place !== undefined && place >= this.#next - this.within;
  }

  /** @param id undefined for an event that was refused or bears none */
  add(id: string | undefined): void {
    const before = id === undefined ? undefined : this.#places.get(id);
    this.#uncertain.push({ id, before });
    if (id !== undefined) this.#places.set(id, this.#next);
    this.#next += 1;
  }

  /** Forgets what was added since `keep`. */
  revert(): void {
    for (const { id, before } of this.#uncertain.toReversed()) {
      this.#next -= 1;
      if (id === undefined) continue;
      if (before === undefined) this.#places.delete(id);
      else this.#places.set(id, before);
    }
    this.#uncertain = [];
  }

  /** Takes what was added since into the memory. */
  keep(): void {
    let place = this.#next - this.#uncertain.length;
    for (const { id } of this.#uncertain) {
      const slot = place % this.within;
      this.#leave(this.#ring[slot], place - this.within);
      this.#ring[slot] = id;
      place += 1;
    }
    this.#uncertain = [];
  }

  /** The event at this place is out of the window. */
  #leave(id: string | undefined, place: number): void {
    if (id !== undefined && this.#places.get(id) === place) this.#places.delete(id);
  }
}
