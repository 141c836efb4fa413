import { fileURLToPath } from 'node:url';
import {
  credentials,
  loadPackageDefinition,
  status,
  type Client,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Answer } from './journal.js';

/** One row to predict from its entity's features. */
export interface InferRequest {
  /** The client's own id. */
  id: string;
  model: string;
  entity: string;
  /** Event time, UTC milliseconds. */
  at: number;
}

interface Parameter {
  bool_param?: boolean;
  int64_param?: number;
  string_param?: string;
}
interface InferMessage {
  model_version?: string;
  parameters?: Record<string, Parameter>;
  outputs?: { name: string; contents?: { fp32_contents?: number[] } }[];
}
type Stub = Client & {
  ModelInfer(request: object, callback: (error: ServiceError | null, answer: InferMessage) => void): void;
};

const PROTO = fileURLToPath(new URL('../../../../proto/inference/grpc_predict_v2.proto', import.meta.url));
/** What a server says that has too much to do, or that is not there for a moment. */
const BUSY = new Set<number>([status.RESOURCE_EXHAUSTED]);
const PATIENCE_MS = 30_000;

/** A client of the Open Inference Protocol, version 2, over one gRPC channel. */
export class InferenceClient {
  private readonly stub: Stub;

  /** @param address such as `127.0.0.1:8081` */
  constructor(address: string) {
    const definition = loadSync(PROTO, { keepCase: true, longs: Number, oneofs: false, defaults: false });
    const packages = loadPackageDefinition(definition) as unknown as {
      inference: { GRPCInferenceService: ServiceClientConstructor };
    };
    this.stub = new packages.inference.GRPCInferenceService(address, credentials.createInsecure(), {
      'grpc.enable_channelz': 0,
    }) as unknown as Stub;
  }

  /**
   * Asks for all at once, and again where the server is overloaded.
   * @returns the answers in the order of the requests; a request that the server refuses has the code of its refusal
   */
  inferAll(requests: readonly InferRequest[]): Promise<Answer[]> {
    return Promise.all(requests.map((request) => this.infer(request)));
  }

  close(): void {
    this.stub.close();
  }

  private async infer(request: InferRequest): Promise<Answer> {
    const { id, model, entity, at } = request;
    const parameters = { entity: { string_param: entity }, time: { string_param: new Date(at).toISOString() } };
    const message = { model_name: model, id, parameters };
    for (let waitedMs = 0, waitMs = 5; ; waitedMs += waitMs, waitMs *= 2) {
      try {
        return answerOf(await this.call(message), id);
      } catch (error) {
        const { code, details } = error as ServiceError;
        const refusal = /^([A-Z][A-Z_]+): /.exec(details ?? '')?.[1];
        if (code !== undefined && BUSY.has(code) && waitedMs < PATIENCE_MS)
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        else if (refusal !== undefined && code !== status.INTERNAL && !BUSY.has(code)) return { refused: refusal };
        else throw error;
      }
    }
  }

  private call(message: object): Promise<InferMessage> {
    return new Promise((resolve, reject) => {
      this.stub.ModelInfer(message, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }
}

/** @throws Error if the answer lacks what every answer of a gateway carries */
export function answerOf(message: InferMessage, request: string): Answer {
  const id = message.parameters?.['prediction_id']?.string_param;
  const output = message.outputs?.find(({ name }) => name === 'probabilities' || name === 'value')?.contents
    ?.fp32_contents;
  if (id === undefined || output === undefined) {
    throw new Error(
      `the answer to ${request} has ${id === undefined ? 'no prediction_id' : 'neither probabilities nor value'}: ${JSON.stringify(message)}`,
    );
  }
  const role = textOf(message.parameters?.['role']);
  const version = Number(textOf(message.parameters?.['version']) ?? message.model_version ?? '');
  if (role !== 'fallback' && version > 0) return { id, version, fallback: null, output };
  return { id, version: null, fallback: textOf(message.parameters?.['fallback_reason']) ?? 'unknown', output };
}

function textOf(parameter: Parameter | undefined): string | undefined {
  const value = parameter?.string_param ?? parameter?.int64_param ?? parameter?.bool_param;
  return value === undefined ? undefined : String(value);
}
