import type { StateChange } from '../folding/batch-states.js';
import { wishOrder, type Wish } from '../folding/waking.js';
import type { States } from './mongo/states.js';

const PAGE = 10_000;
const MOST = 2 * PAGE;

/** The wishes that come next, in the order of time and key: a window on what the store holds, of bounded size. */
export class DueWindow {
  #wishes: Wish[] = [];
  readonly #times = new Map<string, number>();
  /** All wishes up to this one are in the window; undefined: all that there are. */
  #last: Wish | undefined;

  constructor(
    private readonly states: States,
    private readonly partition: number,
  ) {}

  /** Looks into the store, where the window may have run empty. */
  async fill(): Promise<void> {
    if (this.#wishes.length > 0 || this.#last === undefined) return;
    await this.#load(this.#last);
  }

  async begin(): Promise<void> {
    await this.#load(undefined);
  }

  /** When the first wants to be woken; Infinity for none. Call `fill` before. */
  get soonest(): number {
    return this.#wishes[0]?.wakeAt ?? Infinity;
  }

  due(time: number, limit: number): Wish[] {
    const due: Wish[] = [];
    for (const wish of this.#wishes) {
      if (wish.wakeAt > time || due.length === limit) break;
      due.push(wish);
    }
    return due;
  }

  /** Takes what was committed. */
  apply(changes: readonly StateChange[]): void {
    for (const { key, wakeAt } of changes) {
      this.#forget(key);
      if (wakeAt === null) continue;
      const wish = { key, wakeAt };
      if (this.#last !== undefined && wishOrder(wish, this.#last) > 0) continue;
      this.#wishes.splice(this.#placeOf(wish), 0, wish);
      this.#times.set(key, wakeAt);
    }
    if (this.#wishes.length <= MOST) return;
    for (const { key } of this.#wishes.splice(PAGE)) this.#times.delete(key);
    this.#last = this.#wishes[PAGE - 1];
  }

  async #load(after: Wish | undefined): Promise<void> {
    const found = await this.states.wishes(this.partition, after, PAGE);
    this.#wishes = found;
    this.#times.clear();
    for (const { key, wakeAt } of found) this.#times.set(key, wakeAt);
    this.#last = found.length < PAGE ? undefined : found[PAGE - 1];
  }

  #forget(key: string): void {
    const wakeAt = this.#times.get(key);
    if (wakeAt === undefined) return;
    this.#times.delete(key);
    this.#wishes.splice(this.#placeOf({ key, wakeAt }), 1);
  }

  #placeOf(wish: Wish): number {
    let low = 0;
    let high = this.#wishes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (wishOrder(this.#wishes[middle] as Wish, wish) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
