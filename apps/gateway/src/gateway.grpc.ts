import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Readiness } from '@gyre/hosting';
import { Inference } from './infer.js';
import { isReady, metadataOf, SERVER } from './model-metadata.js';
import type { ModelMetadata } from './oip.js';
import {
  decodeRequest,
  encodeAnswer,
  isRaw,
  type ModelInferRequestMessage,
  type ModelInferResponseMessage,
} from './oip-grpc.js';
import { ServingTable } from './serving.js';

const SERVICE = 'GRPCInferenceService';

/** inference.GRPCInferenceService, see proto/inference/grpc_predict_v2.proto. */
@Controller()
export class GatewayGrpc {
  constructor(
    @Inject(Inference) private readonly inference: Inference,
    @Inject(ServingTable) private readonly table: ServingTable,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  @GrpcMethod(SERVICE, 'ServerLive')
  serverLive(): { live: boolean } {
    return { live: true };
  }

  @GrpcMethod(SERVICE, 'ServerReady')
  serverReady(): { ready: boolean } {
    return { ready: this.readiness.ready };
  }

  @GrpcMethod(SERVICE, 'ModelReady')
  modelReady({ name = '', version = '' }: ModelName): { ready: boolean } {
    return { ready: isReady(this.table.serving(name), version) };
  }

  @GrpcMethod(SERVICE, 'ServerMetadata')
  serverMetadata(): typeof SERVER {
    return SERVER;
  }

  @GrpcMethod(SERVICE, 'ModelMetadata')
  modelMetadata({ name = '', version = '' }: ModelName): ModelMetadata {
    return metadataOf(this.table.serving(name), version);
  }

  @GrpcMethod(SERVICE, 'ModelInfer')
  async modelInfer(message: ModelInferRequestMessage): Promise<ModelInferResponseMessage> {
    const answer = await this.inference.infer(() => decodeRequest(message));
    return encodeAnswer(answer, isRaw(message));
  }
}

interface ModelName {
  name?: string;
  version?: string;
}
