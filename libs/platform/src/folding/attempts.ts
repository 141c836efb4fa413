import { isOfSurroundings } from './surroundings.js';

const BACKOFF_MS = 100;
/** Between tries that wait for a disk, say, to have room again. */
const HELD_MS_MAX = 30_000;

/**
 * What came of handling one thing: `handled`; `alone`: handled, and to be committed by itself, for it threw before; `end before`:
 * it threw before, and what precedes it is to be committed first; `failed`: it threw, and the batch is to be begun again; `wait`.
 */
export type Handled = 'handled' | 'alone' | 'end before' | 'failed' | 'wait';

/**
 * Counts the tries of the one thing in a partition that throws, and waits between them, longer each time. A full disk and the like are
 * nobody's fault: they are waited for, however long it takes.
 */
export class Attempts {
  #alone = false;
  /** What the batch under way has handled: how many, and the last. */
  #handled = 0;
  #last = '';
  #failing: { place: string; tries: number; held: number; error: unknown; retryAt: number } | undefined;

  /** @param most tries in all, the first included */
  constructor(private readonly most: number) {
    if (!Number.isInteger(most) || most < 1)
      throw new RangeError(`attempts must be a whole number from 1 on, got ${most}`);
  }

  /** Milliseconds until the next try. */
  get waitMs(): number {
    return Math.max(0, Math.ceil((this.#failing?.retryAt ?? 0) - performance.now()));
  }

  /**
   * @param place what is handled, by a name that it bears at every try
   * @param first whether nothing precedes it in the batch
   */
  handle(place: string, first: boolean, run: () => void, giveUp: (tries: number, error: unknown) => void): Handled {
    const failing = this.#failing?.place === place ? this.#failing : undefined;
    if (failing !== undefined) {
      if (!first) return 'end before';
      if (failing.tries >= this.most) {
        giveUp(failing.tries, failing.error);
        this.#alone = true;
        this.#note(place);
        return 'alone';
      }
      if (this.waitMs > 0) return 'wait';
    }
    try {
      run();
    } catch (error) {
      this.failed(place, error);
      return 'failed';
    }
    this.#alone = failing !== undefined;
    this.#note(place);
    return this.#alone ? 'alone' : 'handled';
  }

  /**
   * Takes notice that it threw. What lies in its surroundings is not counted: it is tried until that has passed.
   * @returns how often it has thrown; whether it was for its surroundings; whether no try is left
   */
  failed(place: string, error: unknown): { tries: number; isHeld: boolean; isOver: boolean } {
    const before = this.#failing?.place === place ? this.#failing : { tries: 0, held: 0 };
    const isHeld = isOfSurroundings(error);
    const tries = before.tries + (isHeld ? 0 : 1);
    const held = isHeld ? before.held + 1 : 0;
    const waitMs = isHeld ? Math.min(BACKOFF_MS * 2 ** (held - 1), HELD_MS_MAX) : BACKOFF_MS * 2 ** (tries - 1);
    this.#failing = { place, tries, held, error, retryAt: performance.now() + waitMs };
    return { tries, isHeld, isOver: tries >= this.most };
  }

  /**
   * A batch could not be saved: the fault of the one thing in it.
   * @returns false where there was more in it than one, and no telling which
   */
  blame(error: unknown): boolean {
    if (this.#handled !== 1) return false;
    this.failed(this.#last, error);
    return true;
  }

  begin(): void {
    this.#handled = 0;
    this.#alone = false;
  }

  /** Takes notice that a batch was committed: what was handled alone in it is behind us. */
  committed(): void {
    if (this.#alone) this.passed();
  }

  /** What threw is behind us. */
  passed(): void {
    this.#failing = undefined;
  }

  #note(place: string): void {
    this.#handled += 1;
    this.#last = place;
  }
}
