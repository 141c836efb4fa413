import { ConnectionError, ErrorCode } from './http2-frames.js';

const PER_SECOND_MAX = 1_000;
/** A request that its client takes back so soon was never meant; ms. */
const RAPID_MS = 5;

/** Counts, of one connection, the frames that cost work and carry none. */
export class EmptyWork {
  private done = 0;
  private worked = false;
  private dataFramesSent = 0;
  /** Calls that we ended, and whose client may not have known that when it reset them: each once. */
  private resetsToCross = 0;

  /** @throws ConnectionError ENHANCE_YOUR_CALM where there are too many in a second */
  count(weight = 1): void {
    this.done += weight;
    if (this.done <= PER_SECOND_MAX) return;
    throw new ConnectionError(
      ErrorCode.enhanceYourCalm,
      `more than ${PER_SECOND_MAX} frames in a second that carry nothing, or take back what was asked`,
      'abuse',
    );
  }

  /** A second has passed. */
  renew(): void {
    this.done = 0;
  }

  /** The client has sent a request, or data. */
  workCame(): void {
    this.worked = true;
  }

  /**
   * A ping. Those that follow work measure it, as gRPC's clients do to size their windows, and cost nothing.
   * @param dataFramesSent to the client, in all
   */
  pinged(dataFramesSent: number): void {
    if (!this.worked && dataFramesSent === this.dataFramesSent) this.count();
    this.worked = false;
    this.dataFramesSent = dataFramesSent;
  }

  /** A stream was ended by us: its client's reset may cross that. */
  streamEnded(): void {
    this.resetsToCross += 1;
  }
  /** The client reset a stream that was ended already. */
  lateReset(): void {
    if (this.resetsToCross > 0) this.resetsToCross -= 1;
    else this.count();
  }
  /** CVE-2023-44487: asking and taking back, without end. @param ageMs of the stream that the client took back */
  takenBack(ageMs: number): void {
    this.count(ageMs <= RAPID_MS ? 1 : 0.1);
  }
}
