export interface ConcurrencySettings {
  /** Requests under way at most, however quick the answers are. */
  max: number;
  /** Requests under way that are always let in. */
  min: number;
  /** Waiting that is no burst, but a queue that stands, ms; null: the limit stays at `max`. */
  delayTargetMs: number | null;
}

/** As CoDel's interval: a burst is gone within it, a standing queue is not. */
const WINDOW_MS = 100;
const DECREASE = 0.9;
const INCREASE = 0.05;
/** From this share of the limit on, what can be left out is. */
const PRESSED = 0.8;

/**
 * How many requests may be under way, found out from how long they wait: additive increase while the limit is what holds requests back, multiplicative decrease
 * while a queue stands. A queue stands where every wait of an interval is over the target, so that bursts, which drain, cost nothing.
 *
 * @see D.-M. Chiu and R. Jain (1989), Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks (AIMD).
 * @see K. Nichols and V. Jacobson (2012), Controlling Queue Delay, ACM Queue 10(5) (a queue that stands for 100 ms as the sign).
 * @see H. Zhou et al. (2018), Overload Control for Scaling WeChat Microservices, SoCC, section 4.1 (20 ms of waiting as the target).
 */
export class ConcurrencyLimit {
  limit: number;
  underWay = 0;
  /** The most that were under way since the limit was last looked at. */
  private busiest = 0;
  private lookedAt = 0;
  /** Since when every wait has been over the target; null while none is. */
  private standingSince: number | null = null;
  private lastAt = -Infinity;

  constructor(private readonly settings: ConcurrencySettings) {
    this.limit = settings.max;
  }

  /** Whether one more may come in. */
  enter(): boolean {
    if (this.underWay >= this.limit) return false;
    this.underWay += 1;
    if (this.underWay > this.busiest) this.busiest = this.underWay;
    return true;
  }

  leave(): void {
    this.underWay -= 1;
  }

  /** Whether so much is under way that what can be left out should be. */
  get pressed(): boolean {
    return this.settings.delayTargetMs !== null && this.underWay > PRESSED * this.limit;
  }

  /**
   * Takes how long a request waited, in O(1).
   * @param milliseconds from its being accepted to its score, without the model's own time and without what others took, such as the feature store
   * @param now of a clock that does not jump, milliseconds
   */
  waited(milliseconds: number, now: number): void {
    const { min, delayTargetMs } = this.settings;
    if (delayTargetMs === null) return;
    // Where this one came only after the last had gone, nothing stood in between.
    const afterQuiet = now - milliseconds > this.lastAt + delayTargetMs;
    this.lastAt = now;
    if (milliseconds <= delayTargetMs) this.standingSince = null;
    else if (this.standingSince === null || afterQuiet) this.standingSince = now;
    if (now - this.lookedAt < WINDOW_MS) return;
    if (this.standingSince === null) this.widen();
    else if (now - this.standingSince >= WINDOW_MS) {
      this.limit = Math.max(min, Math.floor(DECREASE * Math.min(this.limit, this.busiest)));
      this.standingSince = now;
    } else return;
    this.lookedAt = now;
    this.busiest = this.underWay;
  }

  /** Only while the limit is what holds requests back: what was never tried is not known to be bearable. */
  private widen(): void {
    if (this.busiest < DECREASE * this.limit) return;
    this.limit = Math.min(this.settings.max, this.limit + Math.max(1, Math.floor(INCREASE * this.limit)));
  }
}
