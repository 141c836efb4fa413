import type { Socket } from 'node:net';
import type { ConnectionLimits, Ending } from './http2-shared.js';
import { Progress } from './progress.js';

/**
 * Whether the client of a connection goes on: says what it is, ends what it began, reads what it was sent, and is there at all.
 *
 * What it owes us is measured in the time in which we listen: while it reads too slowly its socket is paused, and what it says then waits for us.
 */
export class Liveness {
  /** When the last bytes came, in the time in which we listened; ms. */
  heardAt: number;
  /** Its settings have come. */
  greeted = false;
  private readonly openedAt: number;
  private frameSince = 0;
  private askedAt = 0;
  private pausedAt = 0;
  private pausedMs = 0;
  private readonly progress: Progress;

  /** @param now performance.now() here and below */
  constructor(
    private readonly socket: Socket,
    private readonly limits: ConnectionLimits,
    now: number,
  ) {
    this.openedAt = this.heardAt = now;
    this.progress = new Progress(now, 0);
  }

  pause(now: number): void {
    this.socket.pause();
    if (this.pausedAt === 0) this.pausedAt = now;
  }
  resume(now: number): void {
    this.socket.resume();
    if (this.pausedAt > 0) this.pausedMs += now - this.pausedAt;
    this.pausedAt = 0;
  }

  bytesCame(now: number): void {
    this.heardAt = this.listened(now);
    this.askedAt = 0;
  }
  /** @param ended whether frames came to their end with the last bytes @param within whether those left one unfinished */
  framesCame(ended: boolean, within: boolean): void {
    if (ended || !within) this.frameSince = 0;
    if (within && this.frameSince === 0) this.frameSince = this.heardAt;
  }
  /** The client is asked whether it is there. */
  asked(now: number): void {
    this.askedAt = this.listened(now);
  }

  /** The time in which we listened. */
  listened(now: number): number {
    return (this.pausedAt > 0 ? this.pausedAt : now) - this.pausedMs;
  }

  /** @returns what the client has failed to do, and so how the connection ends; null: nothing */
  failure(now: number): [Ending, string] | null {
    const { handshakeMsMax, stallMsMax } = this.limits;
    const listened = this.listened(now);
    if (!this.greeted && listened - this.openedAt > handshakeMsMax) return ['handshake', 'no settings came'];
    if (this.frameSince > 0 && listened - this.frameSince > stallMsMax)
      return ['stalled', 'a frame was begun and not ended'];
    if (this.isStuck(now)) return ['stalled', 'what was sent was not read'];
    if (this.askedAt > 0 && listened - this.askedAt > stallMsMax) return ['silent', 'it does not answer'];
    return null;
  }

  /** Whether so long a silence must be asked about. */
  isSilent(now: number): boolean {
    return this.askedAt === 0 && this.listened(now) - this.heardAt > this.limits.silenceMsMax;
  }

  /** Whether too little of the socket's backlog has left for too long. */
  private isStuck(now: number): boolean {
    const backlog = this.socket.writableLength;
    const written = this.socket.bytesWritten - backlog;
    if (backlog > 0) return this.progress.tooSlow(now, written, this.limits.stallMsMax);
    this.progress.restart(now, written);
    return false;
  }
}
