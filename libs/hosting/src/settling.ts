import { GyreError } from '@gyre/contracts';
import { Platform } from '@gyre/platform';
import { Inject, Injectable } from '@nestjs/common';
import { Peers } from './peers.js';
import { Readiness } from './readiness.js';
import { settledEverywhere } from './settled-everywhere.js';

/** Waits until everything that was sent has had all its effects. */
@Injectable()
export class Settling {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Peers) private readonly peers: Peers,
  ) {}

  /**
   * In all processes.
   * @param tick the time in a replay's data, event time, UTC milliseconds: told when all is settled, and its effects are waited for too
   * @param gone aborted when nobody waits for it any more: where events come all the time it may have no end
   * @throws GyreError COMMAND_REFUSED if the platform runs by its own clock; NOT_READY if a process does not answer; CANCELLED
   */
  async settle(tick?: number, gone?: AbortSignal): Promise<void> {
    this.assertTold(tick);
    const settled = (): Promise<void> => settledEverywhere(() => this.own(), this.peers, this.platform, gone);
    await settled();
    if (tick === undefined) return;
    await this.platform.tick(tick);
    await settled();
  }

  /** Only what runs in this process. */
  async own(): Promise<void> {
    await this.readiness.shipped();
    await this.platform.settled();
    // Who runs by his own clock waits for no version that cannot be had for now.
    if (!this.platform.live) await this.readiness.followed();
  }

  /** @throws GyreError COMMAND_REFUSED if the platform cannot be told the time */
  assertTold(tick: number | undefined): void {
    if (tick !== undefined && this.platform.live)
      throw new GyreError('COMMAND_REFUSED', 'this platform runs by its own clock; only a replay is told the time');
  }
}
