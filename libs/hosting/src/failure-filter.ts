import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { errors, GyreError } from '@gyre/contracts';
import { status as grpcStatus } from '@grpc/grpc-js';
import { throwError, type Observable } from 'rxjs';
import type { HttpReply } from './http.js';
import type { Logger } from './logger.js';

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
