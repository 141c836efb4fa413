import { Client, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { decodeAnswer, encodeRequest, type InferAnswer } from '@gyre/gateway/protocol';
import type { Answer } from './journal.js';

/** One row to predict from its entity's features. */
export interface RowAsked {
  /** The client's own id. */
  id: string;
  entity: string;
  /** Event time, UTC milliseconds. */
  at: number;
}

const METHOD = '/inference.GRPCInferenceService/ModelInfer';
/** What a server says that has too much to do. */
const BUSY = new Set<number>([status.RESOURCE_EXHAUSTED]);
const PATIENCE_MS = 30_000;
/** Rows of a request. */
const ROWS_MAX = 500;

/** A client of the Open Inference Protocol, version 2, over one gRPC channel. */
export class InferenceClient {
  private readonly channel: Client;

  /**
   * @param address such as `127.0.0.1:8081`
   * @param signal ends whatever is under way
   */
  constructor(
    address: string,
    private readonly model: string,
    private readonly signal: AbortSignal,
  ) {
    this.channel = new Client(address, credentials.createInsecure(), { 'grpc.enable_channelz': 0 });
  }

  /**
   * Asks for many rows with each request, and again where the server is overloaded. Where it refuses a request, its rows are asked for one by one, so that
   * none suffers for another.
   * @returns an answer for each row; one that the server refuses has the code of its refusal
   */
  async inferAll(rows: readonly RowAsked[]): Promise<Answer[]> {
    const parts: Promise<Answer[]>[] = [];
    for (let from = 0; from < rows.length; from += ROWS_MAX)
      parts.push(this.together(rows.slice(from, from + ROWS_MAX)));
    return (await Promise.all(parts)).flat();
  }

  close(): void {
    this.channel.close();
  }

  private async together(rows: readonly RowAsked[]): Promise<Answer[]> {
    const answers = await this.ask(rows);
    if (Array.isArray(answers)) return answers;
    if (rows.length === 1) return [answers];
    return (await Promise.all(rows.map((row) => this.together([row])))).flat();
  }

  private async ask(rows: readonly RowAsked[]): Promise<Answer[] | { refused: string }> {
    const [{ id }] = rows as [RowAsked];
    const inputs = [
      { name: 'entity', datatype: 'BYTES' as const, shape: [rows.length], values: rows.map(({ entity }) => entity) },
      {
        name: 'time',
        datatype: 'BYTES' as const,
        shape: [rows.length],
        values: rows.map(({ at }) => new Date(at).toISOString()),
      },
    ];
    const { model } = this;
    const message = encodeRequest({ model, version: '', id, parameters: {}, inputs, outputs: [], raw: false });
    for (let waitedMs = 0, waitMs = 5; ; waitedMs += waitMs, waitMs *= 2) {
      try {
        return answersOf(await this.call(message), id, rows.length);
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
      const call = this.channel.makeUnaryRequest(METHOD, asIs, decodeAnswer, message, (error, answer) => {
        this.signal.removeEventListener('abort', cancel);
        if (error === null) resolve(answer as InferAnswer);
        else reject(error);
      });
      const cancel = (): void => call.cancel();
      this.signal.addEventListener('abort', cancel, { once: true });
    });
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;

/**
 * The answers for each row of a request.
 * @throws Error if the answer lacks what every answer of a gateway carries
 */
export function answersOf(answer: InferAnswer, request: string, rows: number): Answer[] {
  const { version: text, parameters, outputs } = answer;
  const output = (name: string) => outputs.find((tensor) => tensor.name === name)?.values;
  const ids = rows === 1 ? [parameters['prediction_id']] : (output('prediction_id') ?? []);
  const scores = (output('probabilities') ?? output('value')) as ArrayLike<number> | undefined;
  if (ids.length !== rows || typeof ids[0] !== 'string' || scores === undefined) {
    throw new Error(
      `the answer to ${request} has ${scores === undefined ? 'neither probabilities nor value' : 'no prediction_id'}; it has the parameters ${names(Object.keys(parameters))} and the outputs ${names(outputs.map(({ name }) => name))}`,
    );
  }
  const number = Number(parameters['version'] ?? text);
  const isFallback = parameters['role'] === 'fallback' || !(number > 0);
  const by = isFallback
    ? { version: null, fallback: String(parameters['fallback_reason'] ?? 'unknown') }
    : { version: number, fallback: null };
  const width = scores.length / rows;
  const values = Array.from(scores);
  return Array.from({ length: rows }, (_, row) => ({
    id: ids[row] as string,
    ...by,
    output: values.slice(row * width, (row + 1) * width),
  }));
}

function names(list: readonly string[]): string {
  return list.join(', ') || '(none)';
}
