import { setImmediate } from 'node:timers/promises';
import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { decodeAnswer, encodeRequest, type InferAnswer } from '@gyre/gateway/protocol';
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

const METHOD = '/inference.GRPCInferenceService/ModelInfer';
/** What a server says that has too much to do, or that is not there for a moment. */
const BUSY = new Set<number>([status.RESOURCE_EXHAUSTED]);
const PATIENCE_MS = 30_000;
/** Requests made in one turn of the event loop. */
const TURN = 10;

/** A client of the Open Inference Protocol, version 2, over one gRPC channel. */
export class InferenceClient {
  private readonly channel: Client;

  /** @param address such as `127.0.0.1:8081` */
  constructor(address: string) {
    this.channel = new Client(address, credentials.createInsecure(), { 'grpc.enable_channelz': 0 });
  }

  /**
   * Asks for all at once, and again where the server is overloaded.
   * @returns the answers in the order of the requests; a request that the server refuses has the code of its refusal
   */
  async inferAll(requests: readonly InferRequest[]): Promise<Answer[]> {
    const answers: Promise<Answer>[] = [];
    for (const request of requests) {
      answers.push(this.infer(request));
      // What is sent within a turn leaves at its end: the server shall begin before all requests are made.
      if (answers.length % TURN === 0) await setImmediate();
    }
    return Promise.all(answers);
  }

  close(): void {
    this.channel.close();
  }

  private async infer(request: InferRequest): Promise<Answer> {
    const { id, model, entity, at } = request;
    const parameters = { entity, time: new Date(at).toISOString() };
    const message = encodeRequest({ model, version: '', id, parameters, inputs: [], outputs: [], raw: false });
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

  private call(message: Buffer): Promise<InferAnswer> {
    return new Promise((resolve, reject) => {
      this.channel.makeUnaryRequest(METHOD, asIs, decodeAnswer, message, (error, answer) =>
        error === null ? resolve(answer as InferAnswer) : reject(error),
      );
    });
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** @throws Error if the answer lacks what every answer of a gateway carries */
export function answerOf({ version: text, parameters, outputs }: InferAnswer, request: string): Answer {
  const id = parameters['prediction_id'];
  const scores = outputs.find(({ name }) => name === 'probabilities' || name === 'value');
  if (typeof id !== 'string' || scores === undefined) {
    throw new Error(
      `the answer to ${request} has ${typeof id === 'string' ? 'neither probabilities nor value' : 'no prediction_id'}; it has the parameters ${names(Object.keys(parameters))} and the outputs ${names(outputs.map(({ name }) => name))}`,
    );
  }
  const output = Array.from(scores.values as ArrayLike<number>);
  const version = Number(parameters['version'] ?? text);
  if (parameters['role'] !== 'fallback' && version > 0) return { id, version, fallback: null, output };
  return { id, version: null, fallback: String(parameters['fallback_reason'] ?? 'unknown'), output };
}

function names(list: readonly string[]): string {
  return list.join(', ') || '(none)';
}
