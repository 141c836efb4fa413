import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { handleUnaryCall, Server, ServiceError } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import type { Authentication } from './authentication.js';
import { grpcCredentials } from './call-guard.js';
import { certificateOf } from './callers.js';
import { failureOf, grpcErrorOf } from './failure-filter.js';
import { GrpcStream, isPlain, type StreamOptions } from './grpc-stream.js';
import type { Identity } from './identity.js';
import type { Logger } from './logger.js';

/** As much of a gRPC call as a handler of bytes needs. */
export interface GrpcCall {
  /** Whether the client has gone, or its deadline has passed. */
  readonly cancelled: boolean;
  /** Until when the client waits: UTC milliseconds, or a date; Infinity where it said nothing. */
  getDeadline(): Date | number;
  /** Where it comes from: `address:port`. */
  getPeer(): string;
  on(event: 'cancelled', listener: () => void): unknown;
}

/**
 * Answers the bytes of a message with the bytes of a message. It knows no transport, and may be called by any.
 * @param identity who calls; what they may do is the handler's to ask, which alone knows what the message is about
 */
export type BytesHandler = (request: Buffer, call: GrpcCall, identity: Identity) => Promise<Buffer>;

/**
 * Unary gRPC methods that are answered bytes for bytes: no message of the loader's is made, and nothing stands between the server and the handler but
 * the guard, and for most calls no more of grpc-js than its connections. For what is called thousands of times a second; everything else
 * goes through Nest's transport, on the same server.
 */
export class GrpcBytes {
  private readonly handlers = new Map<string, BytesHandler>();

  constructor(
    private readonly authentication: Authentication,
    private readonly log: Logger,
    private readonly messageBytesMax: number,
  ) {}

  /**
   * Takes a method over, before the servers start.
   * @param method service and method as the proto file names them, such as `inference.GRPCInferenceService/ModelInfer`
   */
  handle(method: string, handler: BytesHandler): void {
    this.handlers.set(method, handler);
  }

  /** Registers the methods, and takes them out of the definitions that Nest's transport will read. */
  mount(definitions: PackageDefinition, server: Pick<Server, 'register'>): void {
    const paths = new Map<string, BytesHandler>();
    for (const [method, handler] of this.handlers) {
      const [service = '', name = ''] = method.split('/');
      const methods = definitions[service] as Record<string, { path: string }> | undefined;
      const path = methods?.[name]?.path;
      if (methods === undefined || path === undefined) throw new RangeError(`No proto file describes ${method}`);
      const { [name]: _, ...others } = methods;
      // A service without methods is refused by the library.
      if (Object.keys(others).length === 0) delete definitions[service];
      else definitions[service] = others as never;
      server.register(path, this.unary(handler), asIs, asIs, 'unary');
      paths.set(path, handler);
    }
    if (paths.size > 0) this.takeStreams(paths, server);
  }

  /**
   * Answers plain calls of these methods on the HTTP/2 streams of the library's own server, before it makes its objects for them; all others, and what is
   * compressed, go on to the library. It shows its servers to nobody: its version is pinned for that, and where they are not found, the
   * handlers that are registered with it answer, only slower.
   */
  private takeStreams(paths: ReadonlyMap<string, BytesHandler>, server: object): void {
    const { http2Servers } = server as { http2Servers?: Map<Http2Server, unknown> };
    const options: StreamOptions = {
      messageBytesMax: this.messageBytesMax,
      identify: (headers, socket) =>
        this.authentication.identify({
          authorization: headers['authorization'],
          apiKey: headers['x-api-key'] as string | undefined,
          certificate: () => (socket === undefined ? undefined : certificateOf(socket)),
        }),
      failed: (thrown) => grpcErrorOf(failureOf(thrown, 'rpc', this.log)),
    };
    for (const http2 of http2Servers?.keys() ?? []) {
      const others = http2.listeners('stream') as ((stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void)[];
      if (others.length === 0) continue;
      http2.removeAllListeners('stream');
      http2.on('stream', (stream, headers) => {
        const handler = paths.get(headers[':path'] ?? '');
        if (handler !== undefined && isPlain(headers)) new GrpcStream(stream, headers, handler, options);
        else for (const other of others) other.call(http2, stream, headers);
      });
    }
  }

  private unary(handler: BytesHandler): handleUnaryCall<Buffer, Buffer> {
    return (call, done) => {
      const failed = (thrown: unknown): void => done(grpcErrorOf(failureOf(thrown, 'rpc', this.log)) as ServiceError);
      const answered = async (): Promise<Buffer> =>
        handler(call.request, call, await this.authentication.identify(grpcCredentials(call.metadata, call)));
      answered().then((answer) => done(null, answer), failed);
    };
  }
}

const asIs = (bytes: Buffer): Buffer => bytes;
