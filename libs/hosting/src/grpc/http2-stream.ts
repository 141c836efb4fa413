import type { RequestHead } from './request-head.js';
import { ErrorCode, StreamError } from './http2-frames.js';

/** One request and its answer on a connection: what the protocol keeps of it. What the bytes mean is its heir's. */
export abstract class Http2Stream {
  /** The client has sent all of its request. */
  remoteClosed = false;
  /** The answer is written to its end, or as far as the windows let it. */
  localClosed = false;
  /** It is off the connection. */
  over = false;
  /** What came since the client was granted some. */
  ungranted = 0;
  /** Of the answer's data, what the windows have held back; then trailers, a header block. */
  unsent: Buffer[] | null = null;
  unsentBytes = 0;
  trailers: Buffer | null = null;
  queued = false;
  /** Of the answer's data, what has left. */
  sentBytes = 0;
  private dataBytes = 0;

  /**
   * @param sendWindow bytes of data that we may still send
   * @param receiveWindow and the client, before it is granted more
   * @param openedAt in the time in which we listened, see Liveness
   */
  constructor(
    readonly id: number,
    readonly head: RequestHead,
    public sendWindow: number,
    public receiveWindow: number,
    readonly openedAt: number,
  ) {}

  /** A part of the request's body. What lies in its memory may be kept, and keeps all that came with it. */
  protected abstract receiveData(bytes: Buffer): void;
  /** The request is whole. */
  protected abstract requestEnded(): void;
  /** Whether what came waits to be worked on: the client is granted no more until it has been. */
  get congested(): boolean {
    return false;
  }
  /** Nobody waits for the answer any more. */
  abstract abort(): void;
  /** Now and then; it ends what takes too long. @param now performance.now() @param listened of that, the time in which we read from the client */
  abstract check(now: number, listened: number): void;
  /** What was held back has left. */
  drained(): void {}

  /** @throws StreamError PROTOCOL_ERROR where the body is not as long as the headers say: RFC 9113, section 8.1.1 */
  receive(bytes: Buffer, last: boolean): void {
    this.dataBytes += bytes.length;
    const { contentLength } = this.head;
    if (contentLength !== undefined && (last ? this.dataBytes !== contentLength : this.dataBytes > contentLength))
      throw new StreamError(
        ErrorCode.protocolError,
        `the body has ${this.dataBytes} bytes, the headers promised ${contentLength}`,
      );
    this.remoteClosed = last;
    if (bytes.length > 0) this.receiveData(bytes);
    if (last && !this.over) this.requestEnded();
  }
}
