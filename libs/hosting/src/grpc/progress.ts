/** What is waited for must move by so many bytes a second, on average of the time that a client may stall. */
const BYTES_PER_SECOND_MIN = 1_000;

/** Whether a client takes what waits for it: not merely a byte now and then. */
export class Progress {
  private since: number;
  private moved: number;

  /** @param now performance.now() @param moved bytes that have left by now */
  constructor(now: number, moved: number) {
    this.since = now;
    this.moved = moved;
  }

  /** Nothing waits: the time begins anew. */
  restart(now: number, moved: number): void {
    this.since = now;
    this.moved = moved;
  }

  /** @returns whether less than the minimum has left in the last `stallMsMax` */
  tooSlow(now: number, moved: number, stallMsMax: number): boolean {
    const ms = now - this.since;
    if (ms <= stallMsMax) return false;
    if ((moved - this.moved) * 1_000 < BYTES_PER_SECOND_MIN * ms) return true;
    this.restart(now, moved);
    return false;
  }
}
