/** What a detector thinks after a value: nothing, a suspicion, or a change. */
export type Verdict = 'stable' | 'warning' | 'drift';

/**
 * A sequential change detector: one number at a time, bounded memory, no clock and no chance of its own.
 *
 * After a `'drift'` it still shows the state that found it, so that a caller can say what changed; it starts from nothing
 * at the next update (as River's detectors do). `State` is plain JSON: what `JSON.parse(JSON.stringify(state))` gives
 * back restores a detector built with the same options, at any point, as if it had never stopped.
 */
export interface DriftDetector<State> {
  /** @throws RangeError if the detector does not take the value; the state stays as it was. */
  update(value: number): Verdict;
  /** A copy: later updates do not change it. */
  state(): State;
  /** @throws RangeError if the state cannot have come from a detector with these options. */
  restore(state: State): void;
}

/** Which changes of a mean a detector reports. */
export type Direction = 'both' | 'up' | 'down';

/** Settings are data, so a word may be any. */
export function isDirection(word: string): word is Direction {
  return word === 'both' || word === 'up' || word === 'down';
}

/** Beyond this a squared deviation, summed over a long stream, could leave the range of a double. */
export const VALUE_MAX = 1e100;

/** The RangeError for a value that is not finite, or so large that its square would overflow. */
export function refusedValue(detector: string, value: number): RangeError {
  return new RangeError(`${detector} takes finite values of magnitude at most ${VALUE_MAX}, got ${value}`);
}

/** The RangeError of a detector of right and wrong answers. */
export function refusedOutcome(detector: string, value: number): RangeError {
  return new RangeError(`${detector} takes 0 and 1, got ${value}`);
}

/** The RangeError of a detector whose bound holds for values in [0, 1] only. */
export function refusedShare(detector: string, value: number): RangeError {
  return new RangeError(`${detector} takes values in [0, 1], got ${value}`);
}

/** @throws RangeError naming the option unless the condition holds */
export function requireOption(holds: boolean, rule: string, value: unknown): void {
  if (!holds) throw new RangeError(`${rule}, got ${String(value)}`);
}
