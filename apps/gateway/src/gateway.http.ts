import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { CallerIdentity, Identity, Needs, Readiness, type HttpReply, type HttpRequest } from '@gyre/hosting';
import { httpCaller } from './caller.js';
import { GatewayMetrics, type PairCoverage } from './gateway.metrics.js';
import { Inference } from './infer.js';
import { inferJson } from './infer-json.js';
import { isReady, metadataOf, SERVER } from './model-metadata.js';
import type { ModelMetadata } from './oip.js';
import { ServingTable } from './serving.js';

/** Open Inference Protocol over REST, with JSON tensors and the binary tensor data extension. */
@Controller('v2')
export class GatewayHttp {
  constructor(
    @Inject(Inference) private readonly inference: Inference,
    @Inject(ServingTable) private readonly table: ServingTable,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  @Needs()
  @Get()
  server(): typeof SERVER {
    return SERVER;
  }

  @Needs()
  @Get('health/live')
  live(): { live: boolean } {
    return { live: true };
  }

  @Needs()
  @Get('health/ready')
  ready(@Res() reply: HttpReply): void {
    answerReady(reply, this.readiness.ready);
  }

  @Needs('predictor', 'viewer')
  @Get(['models/:model', 'models/:model/versions/:version'])
  metadata(
    @CallerIdentity() caller: Identity,
    @Param('model') model: string,
    @Param('version') version = '',
  ): ModelMetadata {
    return metadataOf(this.table.serving(model, caller), version);
  }

  @Needs('predictor', 'viewer')
  @Get(['models/:model/ready', 'models/:model/versions/:version/ready'])
  modelReady(
    @Res() reply: HttpReply,
    @CallerIdentity() caller: Identity,
    @Param('model') model: string,
    @Param('version') version = '',
  ): void {
    answerReady(reply, isReady(this.table.serving(model, caller), version));
  }

  @Needs('predictor')
  @Post(['models/:model/infer', 'models/:model/versions/:version/infer'])
  @HttpCode(200)
  async infer(
    @Body() bytes: Buffer | undefined,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: HttpReply,
    @Param('model') model: string,
    @Param('version') version = '',
  ): Promise<Buffer> {
    const caller = httpCaller(request.identity ?? Identity.LOCAL, request.ip, request.socket);
    const header = request.headers[JSON_BYTES];
    const message = { body: bytes ?? Buffer.alloc(0), jsonBytes: header === undefined ? undefined : Number(header) };
    const { body, jsonBytes } = await inferJson(this.inference, model, version, message, caller);
    reply.header('content-type', jsonBytes === undefined ? 'application/json' : 'application/octet-stream');
    if (jsonBytes !== undefined) reply.header(JSON_BYTES, String(jsonBytes));
    return body;
  }
}

/** What a gateway tells of itself besides the protocol. */
@Controller('v1')
export class GatewayPairsHttp {
  constructor(
    @Inject(GatewayMetrics) private readonly metrics: GatewayMetrics,
    @Inject(ServingTable) private readonly table: ServingTable,
  ) {}

  @Needs('viewer')
  @Get('models/:model/pairs')
  pairs(@Param('model') model: string): PairCoverage {
    this.table.serving(model);
    return this.metrics.pairs(model);
  }
}

/** How long the JSON before binary tensors is. */
export const JSON_BYTES = 'inference-header-content-length';

/** The status is the answer, by the protocol. */
function answerReady(reply: HttpReply, ready: boolean): void {
  reply.status(ready ? 200 : 503).send({ ready });
}
