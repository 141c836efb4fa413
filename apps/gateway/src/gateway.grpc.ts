import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { GrpcBytes, Needs, Readiness, type CallOnConnection } from '@gyre/hosting';
import { grpcCaller } from './caller.js';
import { Inference } from './infer.js';
import { inferBytes } from './infer-bytes.js';
import { isReady, metadataOf, SERVER } from './model-metadata.js';
import { messagesOf } from './oip-parameters.js';
import { ServingTable } from './serving.js';

const SERVICE = 'GRPCInferenceService';

/** inference.GRPCInferenceService, see proto/inference/grpc_predict_v2.proto. Its hot path, ModelInfer, has a codec of its own. */
@Controller()
export class GatewayGrpc {
  constructor(
    @Inject(Inference) inference: Inference,
    @Inject(GrpcBytes) bytes: GrpcBytes,
    @Inject(ServingTable) private readonly table: ServingTable,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {
    bytes.handle(`inference.${SERVICE}/ModelInfer`, (message, call, identity) =>
      inferBytes(inference, message, grpcCaller(call, identity)),
    );
  }

  @Needs()
  @GrpcMethod(SERVICE, 'ServerLive')
  serverLive(): { live: boolean } {
    return { live: true };
  }

  @Needs()
  @GrpcMethod(SERVICE, 'ServerReady')
  serverReady(): { ready: boolean } {
    return { ready: this.readiness.ready };
  }

  @Needs('predictor', 'viewer')
  @GrpcMethod(SERVICE, 'ModelReady')
  modelReady({ name = '', version = '' }: ModelName, _: unknown, { identity }: CallOnConnection): { ready: boolean } {
    return { ready: isReady(this.table.serving(name, identity), version) };
  }

  @Needs()
  @GrpcMethod(SERVICE, 'ServerMetadata')
  serverMetadata(): typeof SERVER {
    return SERVER;
  }

  @Needs('predictor', 'viewer')
  @GrpcMethod(SERVICE, 'ModelMetadata')
  modelMetadata({ name = '', version = '' }: ModelName, _: unknown, { identity }: CallOnConnection): object {
    const { parameters, ...metadata } = metadataOf(this.table.serving(name, identity), version);
    return { ...metadata, parameters: messagesOf(parameters) };
  }
}

interface ModelName {
  name?: string;
  version?: string;
}
