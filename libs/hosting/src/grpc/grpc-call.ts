import type { ClientCertificate } from '../authentication.js';
import type { Identity } from '../identity.js';

/** What is known of a call before anybody looks at its message: what callers are told apart by. */
export interface CallCredentials {
  /** The header of that name. */
  readonly authorization: string | undefined;
  /** The first header of that name, in lower case; undefined where none came. */
  header(name: string): string | undefined;
  /** Where it comes from: `address:port`. */
  getPeer(): string;
  /** What the client has shown over TLS; undefined where it has shown none, or none that an authority of ours vouches for. */
  peerCertificate(): ClientCertificate | undefined;
}

/** As much of a gRPC call as a handler of bytes needs. */
export interface GrpcCall extends CallCredentials {
  /** Whether the client has gone, or its deadline has passed. */
  readonly cancelled: boolean;
  /** Until when the client waits, UTC milliseconds; Infinity where it said nothing. */
  getDeadline(): number;
}

/**
 * Answers the bytes of a message with the bytes of a message. It knows no transport, and may be called by any.
 * @param request may be kept; nobody writes to it any more
 * @param identity who calls; what they may do is the handler's to ask, which alone knows what the message is about
 */
export type BytesHandler = (request: Buffer, call: GrpcCall, identity: Identity) => Promise<Buffer>;

/** The two ends of a call that streams. */
export interface StreamedCall extends GrpcCall {
  /** Names and values of all headers in turn. */
  readonly fields: readonly string[];
  /** @returns whether the client keeps up; where it does not, `onDrain` is called when it has */
  send(message: Buffer): boolean;
  /** Ends the answer with the status OK. */
  finish(): void;
  fail(thrown: unknown): void;
  /** A handler works from here to `handlerDone`, even where the call is over before: it keeps its place among the client's calls so long. */
  handlerBegan(): void;
  handlerDone(): void;
}

/** The longest message of a request. */
export interface MessageLimit {
  readonly bytesMax: number;
  /** Whose limit it is, for those who are refused: a setting, or the method. */
  readonly of: string;
}

/** What a handler of a streaming call is told. */
export interface CallEvents {
  /** Where the request is no stream, its message comes when it has ended. */
  onMessage(message: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  /** The call is over, however it ended; `cancelled` says whether somebody broke it off. */
  onClosed(): void;
}

/** A method as the server knows it. */
export type GrpcMethod =
  | { kind: 'unary'; handler: BytesHandler; identify: (call: CallCredentials) => Identity | Promise<Identity> }
  | {
      kind: 'streamed';
      requestStream: boolean;
      responseStream: boolean;
      /** Where it is less than the server's. */
      requestLimit?: MessageLimit | undefined;
      open: (call: StreamedCall) => CallEvents;
    };
