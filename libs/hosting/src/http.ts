import type { ServerResponse } from 'node:http';
import {
  Catch,
  createParamDecorator,
  Injectable,
  type ArgumentsHost,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type PipeTransform,
  HttpException,
} from '@nestjs/common';
import { errors, GyreError } from '@gyre/contracts';
import { status as grpcStatus, type Metadata } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import type { ZodType } from 'zod';
import type { Auth } from './auth.js';
import type { Logger } from './logger.js';

/** As much of Fastify's request as handlers need. */
export interface HttpRequest {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: Buffer | undefined;
  raw: { on(event: 'close', listener: () => void): void };
  /** Set by the guard. */
  caller?: string;
}
/** As much of Fastify's reply as handlers need. */
export interface HttpReply {
  status(code: number): HttpReply;
  header(name: string, value: string): HttpReply;
  send(payload: unknown): void;
  hijack(): void;
  raw: ServerResponse;
}

/** The caller's name, for the audit trail: `@Caller() actor: string`. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<HttpRequest>().caller ?? 'unknown',
);

/** Bodies come as bytes; this pipe makes checked JSON of them: `@Body(new JsonBody(Schema))`. */
@Injectable()
export class JsonBody<T> implements PipeTransform<Buffer | undefined, T> {
  constructor(private readonly schema: ZodType<T>) {}

  transform(body: Buffer | undefined): T {
    const parsed = this.schema.safeParse(parseJson(body));
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    throw new GyreError('BAD_REQUEST', problems.join('; '));
  }
}

function parseJson(body: Buffer | undefined): unknown {
  if (body === undefined || body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new GyreError('BAD_REQUEST', `the body is not JSON: ${(error as Error).message}`);
  }
}

const OPEN_PATHS = /^\/(healthz|readyz)$/;
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Every call, HTTP or gRPC, is authenticated; a call that changes something must not come from a stranger's page. */
@Injectable()
export class CallGuard implements CanActivate {
  constructor(private readonly auth: Auth) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') {
      const metadata = context.switchToRpc().getContext<Metadata>();
      this.auth.caller(metadata.get('authorization')[0]?.toString());
      return true;
    }
    const request = context.switchToHttp().getRequest<HttpRequest>();
    if (OPEN_PATHS.test(request.url)) return true;
    request.caller = this.auth.caller(request.headers['authorization']);
    if (!READING.has(request.method)) this.auth.refuseForeignPages(request.headers);
    return true;
  }
}

/** Failures leave as `{ error: { code, message, details } }` with the status of the error table; gRPC's likewise. */
@Catch()
export class FailureFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void | Observable<never> {
    const failure = this.asFailure(thrown, host.getType());
    const row = errors[failure.code];
    if (host.getType() !== 'http') {
      const code = grpcStatus[row.grpc];
      return throwError(() => ({
        code,
        message: `${failure.code}: ${failure.message}`,
        details: `${failure.code}: ${failure.message}`,
      }));
    }
    const reply = host.switchToHttp().getResponse<HttpReply>();
    const status = thrown instanceof HttpException ? thrown.getStatus() : row.http;
    reply.status(status).send({ error: { code: failure.code, message: failure.message, details: failure.details } });
  }

  private asFailure(thrown: unknown, type: string): GyreError {
    if (thrown instanceof GyreError) return thrown;
    if (thrown instanceof HttpException) return new GyreError('BAD_REQUEST', thrown.message);
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    this.log.error('a call failed by a defect', { type, error: error.message, stack: error.stack });
    return new GyreError('INTERNAL', 'something went wrong inside; the log of this process tells more');
  }
}
