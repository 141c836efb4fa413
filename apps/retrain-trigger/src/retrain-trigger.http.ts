import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { topics, type CommandAccepted } from '@gyre/contracts';
import { Caller, Catalog, JsonBody, Needs } from '@gyre/hosting';
import { Platform } from '@gyre/platform';
import { z } from 'zod';

const Why = z.strictObject({ reason: z.string().min(1).max(1_000).default('a person asked for it') });

@Controller('v1/models/:model')
export class RetrainTriggerController {
  constructor(
    @Inject(Platform) private readonly platform: Platform,
    @Inject(Catalog) private readonly catalog: Catalog,
  ) {}

  @Needs('operator')
  @Post('retrain')
  @HttpCode(202)
  async retrain(
    @Param('model') model: string,
    @Body(new JsonBody(Why)) { reason }: z.infer<typeof Why>,
    @Caller() actor: string,
  ): Promise<CommandAccepted> {
    this.catalog.requireModel(model);
    await this.platform.append(topics.lifecycle, [
      { type: 'RetrainCommanded', model, occurredAt: Date.now(), actor, reason },
    ]);
    return {
      accepted: true,
      message: `a run begins at the next tick, unless one is under way: gyre timeline ${model} --follow`,
    };
  }
}
