import { messageOf } from '../folding/dead-letter.js';
import type { Logger } from '../logger.js';

/** For so long a server may have no leader, or be started again, and it is nobody's concern. */
const AWAY_AFTER_MS = 5_000;
const TELL_EVERY_MS = 60_000;

/**
 * What the calls to a server find out together: whether it answers none of them any more, since when, and how many wait for it. The log says so once a
 * minute, however many there are.
 */
export class Outage {
  #since: number | undefined;
  #why = '';
  #toldAt: number | undefined;
  #waiting = 0;

  /** @param now UTC milliseconds */
  constructor(
    private readonly server: 'Kafka' | 'MongoDB',
    private readonly logger: Logger,
    private readonly now: () => number = Date.now,
  ) {}

  /** Since when nothing has been answered, and why, in words; null while there are answers. */
  get away(): string | null {
    if (this.#since === undefined || this.now() - this.#since < AWAY_AFTER_MS) return null;
    return `${this.server} has not answered since ${new Date(this.#since).toISOString()}: ${this.#why}`;
  }

  /** Of a call that was not answered, whether it is tried again or not. */
  failed(error: unknown): void {
    const now = this.now();
    this.#since ??= now;
    this.#why = messageOf(error);
    if (this.away === null || now - (this.#toldAt ?? -Infinity) < TELL_EVERY_MS) return;
    this.#toldAt = now;
    this.logger('warn', `${this.server} does not answer; what needs it goes on trying`, {
      since: new Date(this.#since).toISOString(),
      waiting: this.#waiting,
      error: this.#why,
    });
  }

  /** Of a call that was answered. */
  answered(): void {
    if (this.#since === undefined) return;
    if (this.#toldAt !== undefined)
      this.logger('info', `${this.server} answers again`, { awayMs: this.now() - this.#since });
    this.#since = undefined;
    this.#toldAt = undefined;
  }

  /** Counts one more that waits. @returns to be called when it does not wait any more */
  wait(): () => void {
    this.#waiting += 1;
    return () => void (this.#waiting -= 1);
  }
}
