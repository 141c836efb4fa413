import { ConnectionError, ErrorCode } from './http2-frames.js';

const PER_SECOND_MAX = 1_000;

/** Counts, of one connection, the frames that cost work and carry none. */
export class EmptyWork {
  private done = 0;

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
}
