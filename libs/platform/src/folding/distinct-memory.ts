/** The ids of the last `within` events of one partition, as a ring; an event that was refused holds its place without an id. */
export class DistinctMemory {
  readonly #ring: (string | undefined)[] = [];
  readonly #counts = new Map<string, number>();
  #at = 0;
  #uncertain: (string | undefined)[] = [];
  #uncertainIds = new Set<string>();

  constructor(private readonly within: number) {
    if (!Number.isInteger(within) || within < 1)
      throw new RangeError(`distinct.within must be a whole number from 1 on, got ${within}`);
  }

  has(id: string): boolean {
    // Of a batch under way, ids may lie in both; the ring may hold some that this batch has pushed out of the window.
    if (this.#uncertainIds.has(id)) return this.#uncertain.lastIndexOf(id) >= this.#uncertain.length - this.within;
    const count = this.#counts.get(id);
    if (count === undefined) return false;
    const pushedOut = Math.max(0, this.#ring.length + this.#uncertain.length - this.within);
    return pushedOut === 0 || count > this.#countAmongOldest(id, pushedOut);
  }

  /** @param id undefined for an event that was refused or bears none */
  add(id: string | undefined): void {
    this.#uncertain.push(id);
    if (id !== undefined) this.#uncertainIds.add(id);
  }

  revert(): void {
    this.#uncertain = [];
    this.#uncertainIds.clear();
  }

  /** Takes what was added since into the memory. */
  keep(): void {
    for (const id of this.#uncertain) this.#push(id);
    this.revert();
  }

  #push(id: string | undefined): void {
    if (this.#ring.length < this.within) this.#ring.push(id);
    else {
      this.#forget(this.#ring[this.#at]);
      this.#ring[this.#at] = id;
      this.#at = (this.#at + 1) % this.within;
    }
    if (id !== undefined) this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
  }

  #forget(id: string | undefined): void {
    if (id === undefined) return;
    const count = this.#counts.get(id) as number;
    if (count === 1) this.#counts.delete(id);
    else this.#counts.set(id, count - 1);
  }

  #countAmongOldest(id: string, oldest: number): number {
    let count = 0;
    for (let i = 0; i < Math.min(oldest, this.#ring.length); i++) {
      if (this.#ring[(this.#at + i) % this.#ring.length] === id) count += 1;
    }
    return count;
  }
}
