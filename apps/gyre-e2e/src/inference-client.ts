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

type Stub = Client & Record<string, Method>;

/** A client of the Open Inference Protocol as anyone would write it from the proto file. */
export class InferenceClient {
  private readonly stub: Stub;
  private readonly explainer: Stub;
  private readonly metadata = new Metadata();

  constructor(address: string, token?: string) {
    const files = ['inference/grpc_predict_v2.proto', 'gyre/v1/explainer.proto'].map((file) =>
      join(root, 'proto', file),
    );
    const options = { keepCase: true, longs: Number, oneofs: true, defaults: true, includeDirs: [join(root, 'proto')] };
    const { inference, gyre } = loadPackageDefinition(loadSync(files, options)) as unknown as {
      inference: { GRPCInferenceService: ServiceClientConstructor };
      gyre: { v1: { Explainer: ServiceClientConstructor } };
    };
    this.explainer = new gyre.v1.Explainer(address, credentials.createInsecure()) as unknown as Stub;
    this.stub = new inference.GRPCInferenceService(address, credentials.createInsecure()) as unknown as Stub;
    if (token !== undefined) this.metadata.set('authorization', `Bearer ${token}`);
  }

  /** @throws ServiceError */
  call<T>(method: string, request: object = {}, stub = this.stub): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    (stub[method] as Method).call(stub, request, this.metadata, (error, answer) =>
      error === null ? resolve(answer as T) : reject(error),
    );
    return promise;
  }

  infer(request: object): Promise<GrpcAnswer> {
    return this.call<GrpcAnswer>('ModelInfer', request);
  }

  /** gyre.v1.Explainer */
  explain(request: object): Promise<GrpcAnswer> {
    return this.call<GrpcAnswer>('Explain', request, this.explainer);
  }

  close(): void {
    this.explainer.close();
    this.stub.close();
  }
}
