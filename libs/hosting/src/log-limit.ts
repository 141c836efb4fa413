/**
 * For what may happen thousands of times a second: one line a minute of each kind, which says how many were left out since the one before. Lines are
 * written before the process goes on, so that each costs the requests that wait.
 */
export class LogLimit {
  private readonly kinds = new Map<string, { at: number; suppressed: number }>();

  /** @param now milliseconds of a clock that does not jump */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param kind one of a few. @returns how many were left out since the last line; null where this one is left out */
  due(kind: string): number | null {
    const now = this.now();
    const last = this.kinds.get(kind);
    if (last !== undefined && now - last.at < EVERY_MS) {
      last.suppressed += 1;
      return null;
    }
    this.kinds.set(kind, { at: now, suppressed: 0 });
    return last?.suppressed ?? 0;
  }
}

const EVERY_MS = 60_000;
