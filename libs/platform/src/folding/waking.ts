import type { Handled } from './attempts.js';
import type { BatchFold } from './batch-fold.js';
import { byteOrder } from './batch-states.js';

/** A state that wishes to be woken. */
export interface Wish {
  key: string;
  /** UTC milliseconds. */
  wakeAt: number;
}

/** The order in which states are woken: by time, then by key. */
export function wishOrder(a: Wish, b: Wish): number {
  return a.wakeAt - b.wakeAt || byteOrder(a.key, b.key);
}

/** Tries one thing of a batch; see `Attempts.handle`. */
type Attempt = (
  place: string,
  first: boolean,
  run: () => void,
  giveUp: (tries: number, error: unknown) => void,
) => Handled;

/**
 * Wakes states in the order of time and key, renewed wishes that are due again among them.
 *
 * @param due in that order; at most `most`, and where there are as many, later ones may be missing
 * @returns how many were woken; `ended`: what came of the one that ended it before all were
 */
export function wakeInOrder<S, E>(
  fold: BatchFold<S, E>,
  due: Wish[],
  now: number,
  most: number,
  attempt: Attempt,
): { woken: number; ended?: Exclude<Handled, 'handled'> } {
  const last = due.length === most ? due[most - 1] : undefined;
  let woken = 0;
  for (let next = due.shift(); next !== undefined && woken < most; next = due.shift()) {
    const { key, wakeAt } = next;
    if (last !== undefined && wishOrder(next, last) > 0) break;
    const handled = attempt(
      `wake ${wakeAt} ${key}`,
      woken === 0,
      () => fold.wake(key),
      (tries, error) => fold.giveUpWake(key, tries, error),
    );
    if (handled !== 'handled') return { woken, ended: handled };
    woken += 1;
    const renewed = fold.states.wakeAt(key);
    if (renewed !== null && renewed <= now) insert(due, { key, wakeAt: renewed });
  }
  return { woken };
}

function insert(sorted: Wish[], item: Wish): void {
  let at = sorted.length;
  while (at > 0 && wishOrder(sorted[at - 1] as Wish, item) > 0) at -= 1;
  sorted.splice(at, 0, item);
}
