import { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { status, type Metadata } from '@grpc/grpc-js';
import type { BytesHandler, GrpcCall } from './grpc-bytes.js';
import type { Identity } from './identity.js';

/** A status as it leaves: the error table's, or one of the protocol's own. */
export interface GrpcFailure {
  code: number;
  details: string;
  metadata?: Metadata;
}

export interface StreamOptions {
  messageBytesMax: number;
  /** Who calls, on which connection. @throws what `failed` makes a status of, where the caller is not known; or rejects with it */
  identify: (headers: IncomingHttpHeaders, socket: Socket | undefined) => Identity | Promise<Identity>;
  failed: (thrown: unknown) => GrpcFailure;
}

const OK_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const OK_TRAILERS = { 'grpc-status': '0' };
// @types/node does not know sendDate.
const RESPOND = { waitForTrailers: true, sendDate: false };
const REFUSE = { endStream: true, sendDate: false };
const PREFIX_BYTES = 5;

/** Whether a call can be answered here: one plain message in, one out. What is compressed, or no gRPC at all, is the library's. */
export function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding'];
  return (
    headers[':method'] === 'POST' &&
    (headers['content-type'] ?? '').startsWith('application/grpc') &&
    (encoding === undefined || encoding === 'identity') &&
    (headers['grpc-timeout'] === undefined || TIMEOUT.test(String(headers['grpc-timeout'])))
  );
}

/**
 * One unary call on a stream of HTTP/2: reads the message, has it answered, sends the answer and its status. It does for calls without compression what the
 * library does in many layers, each with objects of its own; a call costs about half of that here.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export class GrpcStream extends EventEmitter implements GrpcCall {
  cancelled = false;
  private parts: Buffer[] | undefined;
  private first: Buffer | undefined;
  private size = 0;
  private readonly deadline: number;
  private readonly timer: NodeJS.Timeout | undefined;
  private answered = false;

  constructor(
    private readonly stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    private readonly handler: BytesHandler,
    private readonly options: StreamOptions,
  ) {
    super();
    const timeoutMs = timeoutOf(headers['grpc-timeout']);
    this.deadline = timeoutMs === Infinity ? Infinity : Date.now() + timeoutMs;
    if (timeoutMs !== Infinity) this.timer = setTimeout(() => this.expire(), Math.min(timeoutMs, TIMER_MS_MAX));
    stream.on('data', (chunk: Buffer) => this.take(chunk));
    stream.on('end', () => this.run(headers));
    // A client that goes away is an error of the stream; what follows from it is in `close`.
    stream.on('error', () => undefined);
    stream.on('close', () => this.end());
  }

  getDeadline(): number {
    return this.deadline;
  }

  getPeer(): string {
    const { remoteAddress, remotePort } = this.stream.session?.socket ?? {};
    return remoteAddress === undefined ? 'unknown' : `${remoteAddress}:${remotePort}`;
  }

  private take(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.options.messageBytesMax + PREFIX_BYTES) {
      const { messageBytesMax } = this.options;
      this.fail({
        code: status.RESOURCE_EXHAUSTED,
        details: `the message is longer than ${messageBytesMax} bytes, the limit of grpc.messageBytesMax`,
      });
      this.first = this.parts = undefined;
      return;
    }
    if (this.first === undefined) this.first = chunk;
    else (this.parts ??= [this.first]).push(chunk);
  }

  private run(headers: IncomingHttpHeaders): void {
    if (this.answered) return;
    const bytes = this.parts === undefined ? this.first : Buffer.concat(this.parts);
    const problem = framing(bytes);
    if (bytes === undefined || problem !== null) return this.fail({ code: status.INTERNAL, details: problem ?? '' });
    try {
      const message = bytes.subarray(PREFIX_BYTES);
      const identity = this.options.identify(headers, this.stream.session?.socket);
      // Most callers are known at once, and then no promise is worth its while.
      const answered =
        identity instanceof Promise
          ? identity.then((known) => this.handler(message, this, known))
          : this.handler(message, this, identity);
      answered.then(
        (answer) => this.answer(answer),
        (error: unknown) => this.fail(this.options.failed(error)),
      );
    } catch (error) {
      this.fail(this.options.failed(error));
    }
  }

  private answer(message: Buffer): void {
    const { stream } = this;
    if (this.answered || stream.destroyed || stream.closed) return;
    this.answered = true;
    const framed = Buffer.allocUnsafe(message.length + PREFIX_BYTES);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    message.copy(framed, PREFIX_BYTES);
    stream.on('wantTrailers', sendOk);
    stream.respond(OK_HEADERS, RESPOND);
    stream.end(framed);
  }

  private fail({ code, details, metadata }: GrpcFailure): void {
    const { stream } = this;
    if (this.answered || stream.destroyed || stream.closed) return;
    this.answered = true;
    stream.respond(
      {
        ...OK_HEADERS,
        'grpc-status': String(code),
        'grpc-message': percentEncoded(details),
        ...metadata?.toHttp2Headers(),
      },
      REFUSE,
    );
    // What the client still sends is not read.
    if (!stream.readableEnded) stream.resume();
  }

  private expire(): void {
    this.cancel();
    this.fail({ code: status.DEADLINE_EXCEEDED, details: 'the deadline of the call has passed' });
  }

  private end(): void {
    clearTimeout(this.timer);
    if (!this.answered) this.cancel();
  }

  private cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.emit('cancelled');
  }
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS);
}

/** Why the bytes are not one plain message after its prefix; null when they are. */
function framing(bytes: Buffer | undefined): string | null {
  if (bytes === undefined || bytes.length < PREFIX_BYTES) return 'the call brought no message';
  if (bytes[0] !== 0) return 'the message is marked as compressed, and the call names no compression';
  const length = bytes.readUInt32BE(1);
  const got = bytes.length - PREFIX_BYTES;
  return got === length ? null : `the message says that it has ${length} bytes, and ${got} came; expected one message`;
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };
/** The longest that a timer takes. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function timeoutOf(header: string | string[] | undefined): number {
  if (header === undefined) return Infinity;
  const [, value, unit] = TIMEOUT.exec(String(header)) ?? [];
  return Number(value) * (UNIT_MS[unit ?? ''] ?? Infinity);
}

/** As the protocol writes messages of statuses: printable ASCII, the rest percent-encoded; and no longer than headers may be. */
function percentEncoded(text: string): string {
  return text
    .slice(0, DETAILS_MAX)
    .toWellFormed()
    .replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}
const DETAILS_MAX = 2_000;
