import { status } from '@grpc/grpc-js';
import { GrpcFailure } from './grpc-failure.js';

/** Bytes that all connections of a server together may keep: of requests that no handler has yet, and of answers that nobody reads. */
export class Budget {
  used = 0;

  /** @param whole of which this is the share of one connection */
  constructor(
    readonly max: number,
    private readonly whole: Budget | null = null,
  ) {}

  /** @returns whether there was so much left; it is taken then */
  take(bytes: number): boolean {
    if (this.used + bytes > this.max || this.whole?.take(bytes) === false) return false;
    this.used += bytes;
    return true;
  }
  /** Takes so much for a request. @throws GrpcFailure RESOURCE_EXHAUSTED where it is not there */
  takeForRequest(bytes: number): void {
    if (this.take(bytes)) return;
    throw new GrpcFailure(
      status.RESOURCE_EXHAUSTED,
      `requests and answers on their way take all that grpc.bufferBytesMax grants, or ${this.used} of the ${this.max} bytes that one connection may have of it; try again later`,
    );
  }
  give(bytes: number): void {
    this.used -= bytes;
    this.whole?.give(bytes);
  }
}
