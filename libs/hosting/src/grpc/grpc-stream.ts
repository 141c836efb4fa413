import { status } from '@grpc/grpc-js';
import type { ClientCertificate } from '../authentication.js';
import { certificateOf } from '../callers.js';
import type { Identity } from '../identity.js';
import type { Budget } from './budget.js';
import { COMPRESSIONS, isCompression } from './decompression.js';
import type { CallEvents, GrpcMethod, MessageLimit, StreamedCall } from './grpc-call.js';
import { GrpcFailure, percentEncoded, timeoutOf } from './grpc-failure.js';
import { headerBlock } from './hpack.js';
import type { Http2Connection } from './http2-connection.js';
import { ErrorCode, STREAM_WINDOW, WINDOW_DEFAULT } from './http2-frames.js';
import { Http2Stream } from './http2-stream.js';
import { PREFIX_BYTES } from './message-reader.js';
import { Progress } from './progress.js';
import { valueOf, type RequestHead } from './request-head.js';
import { RequestMessages, type MessageReceiver } from './request-messages.js';

/** What the calls of one server share. */
export interface CallOptions {
  /** Of messages both ways. */
  messageLimit: MessageLimit;
  /** For how long a request may take to come in, and an answer's data may wait for its reader. */
  stallMsMax: number;
  budget: Budget;
  method(path: string): GrpcMethod | undefined;
  /** A status for whatever was thrown. */
  failed(thrown: unknown): GrpcFailure;
  /** A call has its status. */
  callEnded(code: number): void;
}

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
/** What `application/grpc-web` and the like are not; the messages' format, where it is named. */
const GRPC = /^application\/grpc(?:\+([^;]*))?(?:;|$)/;

/**
 * A call: one gRPC request on a stream of HTTP/2.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcStream extends Http2Stream implements StreamedCall, MessageReceiver {
  cancelled = false;
  private method: GrpcMethod | undefined;
  private requestLimit: MessageLimit;
  /** Of a request that did not come in one piece, or that must wait. */
  private messages: RequestMessages | null = null;
  /** The message of a request that brings one. */
  private message: Buffer | null = null;
  private deadline = Infinity;
  private timer: NodeJS.Timeout | undefined;
  private events: CallEvents | null = null;
  private identity: Identity | null = null;
  /** Of what waits to be read. */
  private progress: Progress | null = null;
  /** A handler is at work. */
  private running = false;
  private headersSent = false;
  /** How the call ended is settled; what comes of the request is of no use any more. */
  private hasStatus = false;
  /** Who calls is being found out. */
  private identifying: Promise<void> | null = null;

  constructor(
    private readonly connection: Http2Connection,
    id: number,
    head: RequestHead,
    openedAt: number,
    private readonly options: CallOptions,
  ) {
    super(id, head, connection.sender.initialWindow, STREAM_WINDOW, openedAt);
    this.requestLimit = options.messageLimit;
  }

  /** Looks at the headers. What they refuse is answered at once, so that no body needs to come. */
  begin(): void {
    const { head, options } = this;
    const type = head.method === 'POST' ? GRPC.exec(head.contentType) : null;
    if (type === null) return;
    try {
      const method = options.method(head.path);
      if (method === undefined)
        throw new GrpcFailure(status.UNIMPLEMENTED, `there is no method ${head.path} on this server`);
      const [, format = 'proto'] = type;
      if (format !== 'proto')
        throw new GrpcFailure(
          status.UNIMPLEMENTED,
          `the content type is ${head.contentType}; expected application/grpc or application/grpc+proto`,
        );
      const { encoding } = head;
      if (encoding !== undefined && !isCompression(encoding))
        throw new GrpcFailure(
          status.UNIMPLEMENTED,
          `messages are compressed by ${JSON.stringify(encoding)}; expected one of ${COMPRESSIONS}`,
          [['grpc-accept-encoding', COMPRESSIONS]],
        );
      const timeoutMs = timeoutOf(head.timeout);
      if (timeoutMs !== Infinity) this.expireIn(timeoutMs);
      this.method = method;
      if (method.kind === 'streamed') {
        this.requestLimit = method.requestLimit ?? this.requestLimit;
        this.events = method.open(this);
      } else this.identify(method.identify(this));
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
    if (this.hasStatus || this.over) return true;
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

  override get congested(): boolean {
    return this.messages?.congested === true;
  }

  protected override receiveData(bytes: Buffer): void {
    const { method } = this;
    if (this.hasStatus || method === undefined) return;
    // Most requests: one message, in one piece, with nothing to wait for.
    if (this.remoteClosed && this.messages === null && this.identifying === null && this.isWhole(bytes)) {
      this.message = bytes.subarray(PREFIX_BYTES);
      return;
    }
    const single = method.kind === 'unary' || !method.requestStream;
    this.messages ??= new RequestMessages(
      this,
      this.connection.requestBytes,
      this.requestLimit,
      this.head.encoding,
      single,
      this.identifying,
    );
    try {
      this.messages.read(bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  protected override requestEnded(): void {
    if (this.hasStatus) return;
    if (this.method === undefined) return this.refuse();
    if (this.messages === null) return this.requestReceived();
    try {
      this.messages.end();
    } catch (error) {
      this.fail(error);
    }
  }

  messageReceived(message: Buffer): void {
    if (this.hasStatus) return;
    const { method } = this;
    if (method?.kind === 'streamed' && method.requestStream) this.guarded(() => this.events?.onMessage(message));
    else this.message = message;
  }

  /** The request is all there: the handler's turn. */
  requestReceived(): void {
    const { method, message } = this;
    if (this.hasStatus || method === undefined) return;
    if (message === null && (method.kind === 'unary' || !method.requestStream))
      return this.fail(new GrpcFailure(status.INTERNAL, 'the call brought no message'));
    this.message = null;
    this.messages?.close();
    if (method.kind === 'unary') return this.handle(message as Buffer, method);
    this.guarded(() => {
      if (message !== null) this.events?.onMessage(message);
      this.events?.onEnd();
    });
  }

  caughtUp(): void {
    this.connection.grant(this);
  }

  override abort(): void {
    clearTimeout(this.timer);
    this.messages?.close();
    if (this.running) this.connection.abandoned += 1;
    if (!this.hasStatus) {
      this.hasStatus = true;
      if (this.method !== undefined) this.options.callEnded(status.CANCELLED);
    }
    if (!this.localClosed) this.cancelled = true;
    this.events?.onClosed();
    this.events = null;
  }

  override check(now: number, listened: number): void {
    const { stallMsMax } = this.options;
    if (this.unsentBytes === 0) this.progress = null;
    else if (this.progress === null) this.progress = new Progress(now, this.sentBytes);
    else if (this.progress.tooSlow(now, this.sentBytes, stallMsMax))
      return this.connection.reset(this, ErrorCode.enhanceYourCalm);
    const waits = this.method?.kind === 'streamed' && this.method.requestStream;
    if (this.remoteClosed || waits || listened - this.openedAt <= stallMsMax) return;
    if (this.method === undefined) this.connection.reset(this, ErrorCode.cancel);
    else
      this.fail(new GrpcFailure(status.DEADLINE_EXCEEDED, `the request did not come in whole within ${stallMsMax} ms`));
  }

  override drained(): void {
    this.events?.onDrain();
  }

  handlerBegan(): void {
    this.running = true;
  }
  handlerDone(): void {
    if (!this.running) return;
    this.running = false;
    if (this.over) this.connection.abandoned -= 1;
  }

  private identify(identity: Identity | Promise<Identity>): void {
    if (!(identity instanceof Promise)) {
      this.identity = identity;
      return;
    }
    this.identifying = identity.then(
      (known) => {
        this.identity = known;
        this.identifying = null;
      },
      (error: unknown) => this.fail(error),
    );
  }

  /** Whether these bytes are one message, and as it is. */
  private isWhole(bytes: Buffer): boolean {
    const length = bytes.length - PREFIX_BYTES;
    return length >= 0 && bytes[0] === 0 && bytes.readUInt32BE(1) === length && length <= this.requestLimit.bytesMax;
  }

  private handle(message: Buffer, { handler }: GrpcMethod & { kind: 'unary' }): void {
    if (this.identity === null) return;
    const failed = (error: unknown): void => {
      this.handlerDone();
      this.fail(error);
    };
    this.handlerBegan();
    try {
      handler(message, this, this.identity).then((answer) => this.sendAnswer(answer), failed);
    } catch (error) {
      failed(error);
    }
  }

  private sendAnswer(message: Buffer): void {
    this.handlerDone();
    if (this.hasStatus || !this.fits(message)) return;
    this.settle(status.OK);
    LEAD.writeUInt32BE(message.length, 1);
    this.connection.sender.whole(this, OK_HEADERS, LEAD, message, OK_TRAILERS);
  }

  /** Whether an answer may leave, or be kept until it can; the call fails where it may not. */
  private fits({ length }: Buffer): boolean {
    const { messageLimit, budget } = this.options;
    const { sender } = this.connection;
    const { unsentBytes } = sender;
    if (length > messageLimit.bytesMax) {
      this.fail(
        new GrpcFailure(
          status.RESOURCE_EXHAUSTED,
          `the answer has ${length} bytes; ${messageLimit.bytesMax} is the limit of ${messageLimit.of}`,
        ),
      );
      return false;
    }
    if (sender.takesNow(this, PREFIX_BYTES + length)) return true;
    if (unsentBytes + length <= 2 * messageLimit.bytesMax && budget.used + length <= budget.max) return true;
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
    if (this.hasStatus) return false;
    this.hasStatus = true;
    clearTimeout(this.timer);
    this.messages?.close();
    this.options.callEnded(code);
    return true;
  }

  /** What is no gRPC is told so, as HTTP says it. */
  private refuse(): void {
    this.hasStatus = true;
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

  private expireIn(timeoutMs: number): void {
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
