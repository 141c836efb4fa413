import { Body, Controller, Get, Inject, Post, Res } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import { Platform } from '@gyre/platform';
import { z } from 'zod';
import { JsonBody, type HttpReply } from './http.js';
import { Metrics } from './metrics.js';
import { Readiness } from './readiness.js';

const Tick = z.strictObject({ time: z.int().min(0) });

/** What every process answers, whichever services it runs. */
@Controller()
export class OperationsController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(Readiness) private readonly readiness: Readiness,
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

  /** Answers when everything that was sent has had all its effects. */
  @Post('v1/settle')
  async settle(): Promise<{ settled: true }> {
    await this.readiness.shipped();
    await this.platform.settled();
    return { settled: true };
  }

  /** A replay says what time it is in its data; a live platform reads its own clock. */
  @Post('v1/tick')
  async tick(@Body(new JsonBody(Tick)) body: z.infer<typeof Tick>): Promise<{ time: number }> {
    if (this.platform.live)
      throw new GyreError('COMMAND_REFUSED', 'this platform runs by its own clock; only a replay is told the time');
    await this.platform.tick(body.time);
    return { time: body.time };
  }
}
