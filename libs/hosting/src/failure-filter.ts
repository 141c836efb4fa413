import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { errors, GyreError, type ErrorCode } from '@gyre/contracts';
import { status as grpcStatus } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import { failureBody } from './failure-body.js';
import { GrpcFailure } from './grpc/grpc-failure.js';
import type { HttpReply, HttpRequest } from './http.js';
import type { Logger } from './logger.js';

/** Failures leave as JSON, see failureBody, with the status of the error table; gRPC's likewise. */
@Catch()
export class FailureFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void | Observable<never> {
    const failure = failureOf(thrown, host.getType(), this.log);
    if (host.getType() !== 'http') return throwError(() => grpcFailureOf(failure));
    const http = host.switchToHttp();
    const reply = http.getResponse<HttpReply>();
    sayWhenToComeAgain(failure, reply);
    const status = thrown instanceof HttpException ? thrown.getStatus() : errors[failure.code].http;
    // The rest of it is read away: a client that writes all before it reads would find a broken connection, and not the answer.
    if (failure.code === 'BODY_TOO_LARGE') reply.header('connection', 'keep-alive');
    // Whatever the route would have sent, such as an artifact's bytes.
    reply.header('content-type', 'application/json; charset=utf-8');
    reply.status(status).send(failureBody(http.getRequest<HttpRequest>().url, failure));
  }
}

/** `Retry-After`, in whole seconds, where the same call can succeed later because there is less to do then. */
function sayWhenToComeAgain({ code, details }: GyreError, reply: HttpReply): void {
  if (!errors[code].retry || !BUSY.has(errors[code].http)) return;
  reply.header('retry-after', String(Math.max(1, Math.ceil(Number(details['retryAfterMs'] ?? 0) / 1_000))));
}
const BUSY: ReadonlySet<number> = new Set([429, 503]);

/** What the server itself refuses before a route is asked. */
const OF_THE_SERVER: Readonly<Record<number, { code: ErrorCode; message: string }>> = {
  404: { code: 'ROUTE_NOT_FOUND', message: 'there is no such call here; docs/http-api.md lists those that there are' },
  413: { code: 'BODY_TOO_LARGE', message: 'http.bodyBytesMax says how long it may be; send it in several requests' },
};

/** What a caller is told of anything that was thrown. A defect is logged, and keeps its words to itself. */
export function failureOf(thrown: unknown, type: string, log: Logger): GyreError {
  if (thrown instanceof GyreError) return thrown;
  if (thrown instanceof HttpException) {
    const { code, message } = OF_THE_SERVER[thrown.getStatus()] ?? { code: 'BAD_REQUEST', message: '' };
    return new GyreError(code, message === '' ? thrown.message : `${thrown.message}: ${message}`);
  }
  const error = Error.isError(thrown) ? thrown : new Error(String(thrown));
  if (isAborted(error)) return new GyreError('BAD_REQUEST', 'the connection ended before all of the request had come');
  log.error('a call failed by a defect', { type, error: error.message, stack: error.stack });
  return new GyreError('INTERNAL', 'something went wrong inside; the log of this process tells more');
}

/** As Node says that a client went away while it sent its request: nobody reads the answer, and nothing here is to be mended. */
function isAborted(error: Error & { code?: string }): boolean {
  return error.code === 'ECONNRESET' && error.message === 'aborted';
}

/** A failure as it leaves over gRPC. */
export function grpcFailureOf({ code, message, details }: GyreError): GrpcFailure {
  const { retryAfterMs } = details;
  // As gRPC's clients read it (gRFC A6).
  const trailers =
    retryAfterMs === undefined ? [] : [['grpc-retry-pushback-ms', String(Math.ceil(Number(retryAfterMs)))] as const];
  return new GrpcFailure(grpcStatus[errors[code].grpc], `${code}: ${message}`, trailers);
}
