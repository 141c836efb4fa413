import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type Client,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { root } from './harness.js';

export interface GrpcAnswer {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Record<string, { parameter_choice: string } & Record<string, unknown>>;
  outputs: { name: string; datatype: string; shape: number[]; contents: Record<string, number[]> | null }[];
  raw_output_contents: Buffer[];
}

type Method = (request: object, metadata: Metadata, callback: (error: Error | null, answer: unknown) => void) => void;

/** A client of the Open Inference Protocol as anyone would write it from the proto file. */
export class InferenceClient {
  private readonly stub: Client & Record<string, Method>;
  private readonly metadata = new Metadata();

  constructor(address: string, token?: string) {
    const file = join(root, 'proto/inference/grpc_predict_v2.proto');
    const definition = loadSync(file, { keepCase: true, longs: Number, oneofs: true, defaults: true });
    const { inference } = loadPackageDefinition(definition) as unknown as {
      inference: { GRPCInferenceService: ServiceClientConstructor };
    };
    this.stub = new inference.GRPCInferenceService(address, credentials.createInsecure()) as unknown as Client &
      Record<string, Method>;
    if (token !== undefined) this.metadata.set('authorization', `Bearer ${token}`);
  }

  /** @throws ServiceError */
  call<T>(method: string, request: object = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    (this.stub[method] as Method).call(this.stub, request, this.metadata, (error, answer) =>
      error === null ? resolve(answer as T) : reject(error),
    );
    return promise;
  }

  infer(request: object): Promise<GrpcAnswer> {
    return this.call<GrpcAnswer>('ModelInfer', request);
  }

  close(): void {
    this.stub.close();
  }
}
