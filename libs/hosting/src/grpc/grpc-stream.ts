import { gunzip, inflate } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import type { ClientCertificate } from '../authentication.js';
import { certificateOf } from '../callers.js';
import type { Identity } from '../identity.js';
import type { Budget } from './budget.js';
import type { CallEvents, GrpcMethod, StreamedCall } from './grpc-call.js';
import { GrpcFailure, percentEncoded, timeoutOf } from './grpc-failure.js';
import { headerBlock } from './hpack.js';
import type { Http2Connection } from './http2-connection.js';
import { ErrorCode, STREAM_WINDOW, WINDOW_DEFAULT } from './http2-frames.js';
import { Http2Stream } from './http2-stream.js';
import { MessageReader, PREFIX_BYTES } from './message-reader.js';
import { Progress } from './progress.js';
import { valueOf, type RequestHead } from './request-head.js';

/** What the calls of one server share. */
export interface CallOptions {
  messageBytesMax: number;
  /** For how long a request may take to come in, and an answer's data may wait for its reader. */
  stallMsMax: number;
  budget: Budget;
  method(path: string): GrpcMethod | undefined;
  /** A status for whatever was thrown. */
  failed(thrown: unknown): GrpcFailure;
  /** A call is through, with that status. */
  ended(code: number): void;
}

const COMPRESSIONS = 'identity,gzip,deflate';
const OK_HEADERS = headerBlock([
  [':status', '200'],
  ['content-type', 'application/grpc'],
  ['grpc-accept-encoding', COMPRESSIONS],
]);
const OK_TRAILERS = headerBlock([['grpc-status', '0']]);
const NO_GRPC = headerBlock([
  [':status', '415'],
  ['content-type', 'text/plain; charset=utf-8'],
]);
const NO_GRPC_TEXT = Buffer.from('This is a gRPC server: expected POST and the content type application/grpc.\n');
const NO_TRAILERS = Buffer.alloc(0);
const LEAD = Buffer.alloc(PREFIX_BYTES);
/** The longest that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** A stream whose client leaves more unread is told to wait. */
const UNSENT_BYTES_MAX = WINDOW_DEFAULT;
const DECOMPRESS = new Map([
  ['gzip', gunzip],
  ['deflate', inflate],
]);
/** What `application/grpc-web` and the like are not. */
const GRPC = /^application\/grpc(?:[+;]|$)/;

/**
 * A call: one gRPC request on a stream of HTTP/2.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcStream extends Http2Stream implements StreamedCall {
  cancelled = false;
  private method: GrpcMethod | undefined;
  private messages: MessageReader | null = null;
  private message: Buffer | null = null;
  /** A message came, be it understood yet or not. */
  private brought = false;
  private deadline = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private events: CallEvents | null = null;
  private identity: Identity | null = null;
  /** Of what waits to be read. */
  private progress: Progress | null = null;
  private running = false;
  private headersSent = false;
  private answered = false;
  /** Who calls is being found out, or what came decompressed; what comes after it waits. */
  private before: Promise<void> | null = null;

  constructor(
    private readonly connection: Http2Connection,
    id: number,
    head: RequestHead,
    now: number,
    private readonly options: CallOptions,
  ) {
    super(id, head, connection.sender.initialWindow, STREAM_WINDOW, now);
  }

  /** Looks at the headers. What they refuse is answered at once, so that no body needs to come. */
  begin(): void {
    const { head, options } = this;
    if (head.method !== 'POST' || !GRPC.test(head.contentType)) return;
    try {
      const method = options.method(head.path);
      if (method === undefined)
        throw new GrpcFailure(status.UNIMPLEMENTED, `there is no method ${head.path} on this server`);
      const { encoding } = head;
      if (encoding !== undefined && encoding !== 'identity' && !DECOMPRESS.has(encoding))
        throw new GrpcFailure(
          status.UNIMPLEMENTED,
          `messages are compressed by ${JSON.stringify(encoding)}; expected one of ${COMPRESSIONS}`,
        );
      const timeoutMs = timeoutOf(head.timeout);
      if (timeoutMs !== Infinity) this.endIn(timeoutMs);
      this.method = method;
      if (method.kind === 'streamed') this.events = method.open(this);
      else this.identified(method.identify(this));
    } catch (error) {
      this.fail(error);
    }
  }

  get fields(): readonly string[] {
    return this.head.fields;
  }
  header(name: string): string | undefined {
    return valueOf(this.head.fields, name);
  }
  getPeer(): string {
    return this.connection.peer;
  }
  getDeadline(): number {
    return this.deadline;
  }
  get authorization(): string | undefined {
    return this.head.authorization;
  }
  peerCertificate(): ClientCertificate | undefined {
    return certificateOf(this.connection.socket);
  }

  send(message: Buffer): boolean {
    if (this.answered || this.over) return true;
    if (!this.fits(message)) return false;
    const { sender } = this.connection;
    if (!this.headersSent) {
      this.headersSent = true;
      sender.headers(this, OK_HEADERS, false);
    }
    const lead = Buffer.alloc(PREFIX_BYTES);
    lead.writeUInt32BE(message.length, 1);
    sender.data(this, lead, message);
    return this.unsentBytes <= UNSENT_BYTES_MAX;
  }

  finish(): void {
    if (!this.settle(status.OK)) return;
    const { sender } = this.connection;
    if (!this.headersSent) sender.headers(this, OK_HEADERS, false);
    sender.end(this, OK_TRAILERS);
  }

  fail(thrown: unknown): void {
    const { code, details, trailers } = thrown instanceof GrpcFailure ? thrown : this.options.failed(thrown);
    if (!this.settle(code)) return;
    const fields: (readonly [string, string])[] = [
      ['grpc-status', String(code)],
      ['grpc-message', percentEncoded(details)],
      ...trailers,
    ];
    const { sender } = this.connection;
    if (this.headersSent) sender.end(this, headerBlock(fields));
    else sender.headers(this, headerBlock([...REFUSAL, ...fields]), true);
  }

  /** The server is being stopped: a call that would go on for ever ends here. */
  stop(): void {
    const { method } = this;
    if (method?.kind === 'streamed' && method.responseStream && !method.requestStream && this.remoteClosed)
      this.fail(new GrpcFailure(status.UNAVAILABLE, 'the server is being stopped'));
  }

  protected override data(bytes: Buffer): void {
    if (this.answered || this.method === undefined) return;
    // Most requests: one message, in one piece.
    if (this.messages === null && this.isWhole(bytes)) return this.take(bytes.subarray(PREFIX_BYTES), bytes[0] !== 0);
    this.messages ??= new MessageReader(
      this.options.messageBytesMax,
      this.connection.requestBytes,
      (message, compressed) => this.take(message, compressed),
    );
    try {
      this.messages.read(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  protected override end(): void {
    if (this.answered) return;
    if (this.method === undefined) return this.refuse();
    if (this.messages?.within === true)
      return this.fail(new GrpcFailure(status.INTERNAL, 'the request ends within a message'));
    if (this.before === null) this.ended();
    else void this.before.then(() => this.ended());
  }

  override abort(): void {
    clearTimeout(this.timer);
    this.messages?.close();
    if (this.running) this.connection.abandoned += 1;
    if (!this.answered) {
      this.answered = true;
      if (this.method !== undefined) this.options.ended(status.CANCELLED);
    }
    if (!this.localClosed) this.cancelled = true;
    this.events?.onClosed();
    this.events = null;
  }

  override check(now: number): void {
    const { stallMsMax } = this.options;
    if (this.unsentBytes === 0) this.progress = null;
    else if (this.progress === null) this.progress = new Progress(now, this.sentBytes);
    else if (this.progress.tooSlow(now, this.sentBytes, stallMsMax))
      return this.connection.reset(this, ErrorCode.enhanceYourCalm);
    const waits = this.method?.kind === 'streamed' && this.method.requestStream;
    if (this.remoteClosed || waits || now - this.openedAt <= stallMsMax) return;
    if (this.method === undefined) this.connection.reset(this, ErrorCode.cancel);
    else
      this.fail(new GrpcFailure(status.DEADLINE_EXCEEDED, `the request did not come in whole within ${stallMsMax} ms`));
  }

  override drained(): void {
    this.events?.onDrain();
  }

  private identified(identity: Identity | Promise<Identity>): void {
    if (!(identity instanceof Promise)) {
      this.identity = identity;
      return;
    }
    this.before = identity.then(
      (known) => void (this.identity = known),
      (error: unknown) => this.fail(error),
    );
  }

  private isWhole(bytes: Buffer): boolean {
    return (
      bytes.length >= PREFIX_BYTES &&
      bytes.readUInt32BE(1) === bytes.length - PREFIX_BYTES &&
      bytes.length - PREFIX_BYTES <= this.options.messageBytesMax
    );
  }

  private take(message: Buffer, compressed: boolean): void {
    const { method } = this;
    if (this.answered || method === undefined) return;
    if (this.brought && (method.kind === 'unary' || !method.requestStream))
      return this.fail(new GrpcFailure(status.INTERNAL, 'the call brought more than one message'));
    this.brought = true;
    if (!compressed && this.before === null) return this.deliver(message);
    this.before = (this.before ?? Promise.resolve())
      .then(() => (compressed && !this.answered ? this.decompressed(message) : message))
      .then(
        (plain) => this.deliver(plain),
        (error: unknown) => this.fail(error),
      );
  }

  private deliver(message: Buffer): void {
    if (this.answered) return;
    if (this.events !== null) return this.guarded(() => this.events?.onMessage(message));
    this.message = message;
  }

  private decompressed(message: Buffer): Promise<Buffer> {
    const { encoding } = this.head;
    const { messageBytesMax } = this.options;
    const decompress = DECOMPRESS.get(encoding ?? '');
    if (decompress === undefined)
      throw new GrpcFailure(
        status.INTERNAL,
        'the message is marked as compressed, and the call names no compression in grpc-encoding',
      );
    return new Promise((resolve, reject) => {
      decompress(message, { maxOutputLength: messageBytesMax }, (error, plain) => {
        if (error === null) resolve(plain);
        else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
          reject(
            new GrpcFailure(
              status.RESOURCE_EXHAUSTED,
              `the message has more than ${messageBytesMax} bytes when it is decompressed, the limit of grpc.messageBytesMax`,
            ),
          );
        else reject(new GrpcFailure(status.INTERNAL, `the message is no ${encoding}: ${error.message}`));
      });
    });
  }

  /** The request's messages are all there. */
  private ended(): void {
    const { method, message } = this;
    if (this.answered || method === undefined) return;
    if (this.events !== null) return this.guarded(() => this.events?.onEnd());
    if (message === null) return this.fail(new GrpcFailure(status.INTERNAL, 'the call brought no message'));
    if (method.kind !== 'unary' || this.identity === null) return;
    this.message = null;
    this.running = true;
    const failed = (error: unknown): void => {
      this.rest();
      this.fail(error);
    };
    try {
      method.handler(message, this, this.identity).then((answer) => this.answer(answer), failed);
    } catch (error) {
      failed(error);
    }
  }

  private answer(message: Buffer): void {
    this.rest();
    if (this.answered || !this.fits(message)) return;
    this.settle(status.OK);
    LEAD.writeUInt32BE(message.length, 1);
    this.connection.sender.whole(this, OK_HEADERS, LEAD, message, OK_TRAILERS);
  }

  private rest(): void {
    this.running = false;
    if (this.over) this.connection.abandoned -= 1;
  }

  /** Whether an answer may leave, or be kept until it can; the call fails where it may not. */
  private fits({ length }: Buffer): boolean {
    const { messageBytesMax, budget } = this.options;
    const { sender } = this.connection;
    const { unsentBytes } = sender;
    if (length > messageBytesMax) {
      this.fail(
        new GrpcFailure(
          status.RESOURCE_EXHAUSTED,
          `the answer has ${length} bytes; ${messageBytesMax} is the limit of grpc.messageBytesMax`,
        ),
      );
      return false;
    }
    if (sender.takesNow(this, PREFIX_BYTES + length)) return true;
    if (unsentBytes + length <= 2 * messageBytesMax && budget.used + length <= budget.max) return true;
    this.fail(
      new GrpcFailure(
        status.RESOURCE_EXHAUSTED,
        `answers wait to be read: ${unsentBytes} bytes on this connection, ${budget.used} in all of ${budget.max} (grpc.bufferBytesMax)`,
      ),
    );
    return false;
  }

  /** @returns whether the call had no status yet; it has one now */
  private settle(code: number): boolean {
    if (this.answered) return false;
    this.answered = true;
    clearTimeout(this.timer);
    this.messages?.close();
    this.options.ended(code);
    return true;
  }

  /** What is no gRPC is told so, as HTTP says it. */
  private refuse(): void {
    this.answered = true;
    const { sender } = this.connection;
    sender.headers(this, NO_GRPC, false);
    sender.data(this, NO_GRPC_TEXT);
    sender.end(this, NO_TRAILERS);
  }

  private guarded(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.fail(error);
    }
  }

  private endIn(timeoutMs: number): void {
    this.deadline = Date.now() + timeoutMs;
    const expire = (): void => {
      this.cancelled = true;
      this.fail(new GrpcFailure(status.DEADLINE_EXCEEDED, 'the deadline of the call has passed'));
    };
    this.timer = setTimeout(expire, Math.min(timeoutMs, TIMER_MS_MAX));
  }
}

const REFUSAL: readonly (readonly [string, string])[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];
