import { Body, Controller, Get, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { Platform } from '@gyre/platform';
import { z } from 'zod';
import { Catalog } from './catalog.js';
import { ClientGone, JsonBody, type HttpReply } from './http.js';
import { Metrics } from './metrics.js';
import { Needs, Open } from './needs.js';
import { Readiness } from './readiness.js';
import { Settling } from './settling.js';

/** `tick`: event time, UTC milliseconds. `alone`: only this process, as one asks another. */
const Settle = z
  .strictObject({ tick: z.int().min(0).optional(), alone: z.boolean().default(false) })
  .refine(({ tick, alone }) => !alone || tick === undefined, 'alone tells no time');

/** What every process answers, whichever services it runs. */
@Controller()
export class OperationsController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Settling) private readonly settling: Settling,
    @Inject(Catalog) private readonly catalog: Catalog,
  ) {}

  @Open()
  @Get('healthz')
  healthz(): { status: string } {
    return { status: 'alive' };
  }

  @Open()
  @Get('readyz')
  readyz(@Res() reply: HttpReply): void {
    const missing = this.readiness.missing();
    const ready = Object.keys(missing).length === 0;
    reply.status(ready ? 200 : 503).send({
      status: ready ? 'ready' : 'not ready',
      missing,
      degraded: this.readiness.degraded(),
    });
  }

  @Needs('viewer')
  @Get('metrics')
  async scrape(@Res() reply: HttpReply): Promise<void> {
    const text = await this.metrics.registry.metrics();
    reply.header('content-type', this.metrics.registry.contentType).send(text);
  }

  @Needs('viewer')
  @Get('v1/lag')
  async lag(): Promise<unknown> {
    return { groups: await this.platform.lag() };
  }

  /** Answers when this process knows every spec that had been applied before the call. */
  @Needs('viewer')
  @Post('v1/catch-up')
  @HttpCode(200)
  async catchUp(): Promise<{ caughtUp: true }> {
    await this.catalog.caughtUp();
    return { caughtUp: true };
  }

  /**
   * Answers when everything that was sent has had all its effects. With `tick`, a replay says what time it is in its data, and the
   * answer waits for the effects of that too.
   */
  @Needs('admin')
  @Post('v1/settle')
  @HttpCode(200)
  async settle(
    @Body(new JsonBody(Settle)) { tick, alone }: z.infer<typeof Settle>,
    @ClientGone() gone: AbortSignal,
  ): Promise<{ settled: true }> {
    await (alone ? this.settling.own() : this.settling.settle(tick, gone));
    return { settled: true };
  }
}
