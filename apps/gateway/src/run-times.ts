/**
 * How long a run takes at least, by the runs of the last seconds: for refusing what cannot be through in time, and nothing else.
 *
 * A run has a fixed part and one that grows with its rows, so one of n rows that took t says that one of r rows takes at least t·min(1, r/n). The
 * least that the runs of late say counts: a single slow one, or one that waited for others, tells nothing of the next. What is older counts no more, so
 * that after a slow run requests are let in again and find out.
 */
export class RunTimes {
  private current = NONE;
  private before = NONE;
  /** When `current` began, UTC milliseconds. */
  private since = -Infinity;

  /** Takes a run, in O(1). @param now UTC milliseconds */
  ran(milliseconds: number, rows: number, now: number): void {
    this.turn(now);
    const { anyMs, rowMs } = this.current;
    this.current = { anyMs: Math.min(anyMs, milliseconds), rowMs: Math.min(rowMs, milliseconds / rows) };
  }

  /** Milliseconds; 0 where nothing is known. @param now UTC milliseconds */
  atLeastMs(rows: number, now: number): number {
    this.turn(now);
    const { current, before } = this;
    const least = Math.min(current.anyMs, before.anyMs, rows * Math.min(current.rowMs, before.rowMs));
    return least === Infinity ? 0 : least;
  }

  private turn(now: number): void {
    const past = now - this.since;
    // A clock that was put back begins anew, too.
    if (past >= 0 && past < WINDOW_MS) return;
    this.before = past >= WINDOW_MS && past < 2 * WINDOW_MS ? this.current : NONE;
    this.current = NONE;
    this.since = now;
  }
}

const WINDOW_MS = 1_000;
const NONE = { anyMs: Infinity, rowMs: Infinity };
