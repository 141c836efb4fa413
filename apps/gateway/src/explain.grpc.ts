import { Controller, Inject } from '@nestjs/common';
import { GrpcBytes } from '@gyre/hosting';
import { grpcCaller } from './caller.js';
import { Explanations } from './explain.js';
import { tensorsOf } from './explained.js';
import { encodeAnswer } from './oip-answer.js';
import { decodeRequest } from './oip-request.js';

/** gyre.v1.Explainer, see proto/gyre/v1/explainer.proto: the protocol's own messages, and so its codec. */
@Controller()
export class ExplainGrpc {
  constructor(@Inject(Explanations) explanations: Explanations, @Inject(GrpcBytes) bytes: GrpcBytes) {
    bytes.handle('gyre.v1.Explainer/Explain', async (message, call, identity) => {
      const request = decodeRequest(message);
      const explained = await explanations.explain(request, grpcCaller(call, identity));
      return encodeAnswer(tensorsOf(explained, request.id), request.raw);
    });
  }
}
