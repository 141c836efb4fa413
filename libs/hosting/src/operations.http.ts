import { Body, Controller, Get, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { Platform } from '@gyre/platform';
import { z } from 'zod';
import { JsonBody, type HttpReply } from './http.js';
import { Metrics } from './metrics.js';
import { Peers } from './peers.js';
import { Readiness } from './readiness.js';
import { settledEverywhere } from './settled-everywhere.js';

/** `tick`: event time, UTC milliseconds. `alone`: only this process, as one asks another. */
const Settle = z.strictObject({ tick: z.int().min(0).optional(), alone: z.boolean().default(false) });

/** What every process answers, whichever services it runs. */
@Controller()
export class OperationsController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Peers) private readonly peers: Peers,
  ) {}

  @Get('healthz')
  healthz(): { status: string } {
    return { status: 'alive' };
  }

  @Get('readyz')
  readyz(@Res() reply: HttpReply): void {
    const missing = this.readiness.missing();
    const ready = Object.keys(missing).length === 0;
    reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', missing });
  }

  @Get('metrics')
  async scrape(@Res() reply: HttpReply): Promise<void> {
    const text = await this.metrics.registry.metrics();
    reply.header('content-type', this.metrics.registry.contentType).send(text);
  }

  @Get('v1/lag')
  async lag(): Promise<unknown> {
    return { groups: await this.platform.lag() };
  }

  /**
   * Answers when everything that was sent has had all its effects. With `tick`, a replay says what time it is in its data, and the
   * answer waits for the effects of that too.
   */
  @Post('v1/settle')
  @HttpCode(200)
  async settle(@Body(new JsonBody(Settle)) { tick, alone }: z.infer<typeof Settle>): Promise<{ settled: true }> {
    if (tick !== undefined && this.platform.live)
      throw new GyreError('COMMAND_REFUSED', 'this platform runs by its own clock; only a replay is told the time');
    const own = async (): Promise<void> => {
      await this.readiness.shipped();
      await this.platform.settled();
    };
    const settled = (): Promise<void> => (alone ? own() : settledEverywhere(own, this.peers, this.platform));
    await settled();
    if (tick !== undefined) {
      await this.platform.tick(tick);
      await settled();
    }
    return { settled: true };
  }
}
