import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { Explained } from '@gyre/contracts';
import { Identity, Needs, type HttpRequest } from '@gyre/hosting';
import { httpCaller, type Caller } from './caller.js';
import { Explanations } from './explain.js';
import { JSON_BYTES } from './gateway.http.js';
import { decodeJson } from './oip-json.js';

/** Explanations over REST: the body is that of a prediction. */
@Controller()
export class ExplainHttp {
  constructor(@Inject(Explanations) private readonly explanations: Explanations) {}

  @Needs('predictor')
  @Post(['v2/models/:model/explain', 'v2/models/:model/versions/:version/explain'])
  @HttpCode(200)
  explain(
    @Body() bytes: Buffer | undefined,
    @Req() request: HttpRequest,
    @Param('model') model: string,
    @Param('version') version = '',
  ): Promise<Explained> {
    const header = request.headers[JSON_BYTES];
    const message = { body: bytes ?? Buffer.alloc(0), jsonBytes: header === undefined ? undefined : Number(header) };
    return this.explanations.explain(decodeJson(model, version, message).request, callerOf(request));
  }

  // For which model the caller must be let predict, the prediction says.
  @Needs()
  @Get('v1/predictions/:id/explanation')
  explainPast(@Req() request: HttpRequest, @Param('id') id: string): Promise<Explained> {
    return this.explanations.explainPast(id, callerOf(request));
  }
}

function callerOf(request: HttpRequest): Caller {
  return httpCaller(request.identity ?? Identity.LOCAL, request.ip, request.socket);
}
