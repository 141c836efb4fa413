import type { ServerResponse } from 'node:http';
import { createParamDecorator, Injectable, type ExecutionContext, type PipeTransform } from '@nestjs/common';
import { GyreError } from '@gyre/contracts';
import type { ZodType } from 'zod';
import type { Identity } from './identity.js';
import { refuseDeepJson } from './json-nesting.js';
import { inPlainWords } from './zod-words.js';

/** As much of Fastify's request as handlers need. */
export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: Buffer | undefined;
  raw: { on(event: 'close', listener: () => void): void };
  /** The client's address. */
  ip: string;
  socket: { readonly destroyed: boolean; readonly encrypted?: boolean };
  /** By their names in the route. */
  params: unknown;
  /** Who calls. Set by the guard; absent where an open route is called by somebody who is not known. */
  identity?: Identity;
}
/** As much of Fastify's reply as handlers need. */
export interface HttpReply {
  status(code: number): HttpReply;
  header(name: string, value: string | string[]): HttpReply;
  send(payload: unknown): void;
  hijack(): void;
  raw: ServerResponse;
}

/** The caller's name, for the audit trail: `@Caller() actor: string`. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) =>
    context.switchToHttp().getRequest<HttpRequest>().identity?.name ?? 'unknown',
);

/** Who calls, where a handler itself must ask what they may do: `@CallerIdentity() caller: Identity`. */
export const CallerIdentity = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<HttpRequest>().identity,
);

/** Aborted when the client closes before it has its answer. */
export function signalOfGoing(reply: ServerResponse): AbortSignal {
  const going = new AbortController();
  reply.once('close', () => {
    if (!reply.writableFinished) going.abort();
  });
  return going.signal;
}

/** For what is not worth going on with when nobody waits for it: `@ClientGone() gone: AbortSignal`. */
export const ClientGone = createParamDecorator((_: unknown, context: ExecutionContext) =>
  signalOfGoing(context.switchToHttp().getResponse<HttpReply>().raw),
);

/** Bodies come as bytes; this pipe makes checked JSON of them: `@Body(new JsonBody(Schema))`. */
@Injectable()
export class JsonBody<T> implements PipeTransform<Buffer | undefined, T> {
  constructor(private readonly schema: ZodType<T>) {}

  transform(body: Buffer | undefined): T {
    const parsed = this.schema.safeParse(parseJson(body));
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${inPlainWords(issue)}`);
    throw new GyreError('BAD_REQUEST', problems.join('; '));
  }
}

function parseJson(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) return {};
  refuseDeepJson(body);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new GyreError('BAD_REQUEST', `the body is not JSON: ${(error as Error).message}`);
  }
}
