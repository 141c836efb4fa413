import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TlsOptions, type TLSSocket } from 'node:tls';
import {
  status,
  type Server as LibraryServer,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Budget } from './budget.js';
import type { GrpcMethod, MessageLimit } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';
import { GrpcStream, type CallOptions } from './grpc-stream.js';
import { Http2Connection } from './http2-connection.js';
import { peerOf, type ConnectionContext, type ConnectionLimits, type Ending } from './http2-shared.js';
import { libraryMethods } from './library-calls.js';
import { Slabs, TurnEnd } from './outbox.js';
import type { RequestHead } from './request-head.js';

export interface GrpcServerOptions {
  limits: ConnectionLimits & { connectionsMax: number; messageBytesMax: number; bufferBytesMax: number };
  /** Certificate, key, and who may connect; undefined: plain. */
  tls?: TlsOptions | undefined;
  /** A status for whatever a handler has thrown. */
  failed: (thrown: unknown) => GrpcFailure;
  /** Each call once, when its status is known. */
  callEnded: (code: number) => void;
  /** @param why in words, empty where there is nothing to say */
  connectionEnded: (ending: Ending | 'refused' | 'tls', peer: string, why: string) => void;
}

const CHECKED_EVERY_MS = 1_000;
/** What is under way when the server stops may take so long. */
const DRAIN_MS_MAX = 10_000;
const OPEN_LIMIT: MessageLimit = { bytesMax: 4_096, of: 'a method that anybody may call' };

/**
 * A gRPC server on HTTP/2 framing of its own.
 *
 * Handlers are given bytes and give bytes. What a turn of the event loop answers on a connection leaves in one write. Every client is held to
 * bounds, see `GrpcServerOptions.limits`; what one does not read, or does not finish, is taken from it alone.
 */
export class GrpcServer {
  private readonly methods = new Map<string, GrpcMethod>();
  private readonly connections = new Set<Http2Connection>();
  private readonly context: ConnectionContext;
  private readonly budget: Budget;
  private readonly server: Server | TlsServer;
  private readonly checking: NodeJS.Timeout;
  private readonly calls: CallOptions;

  constructor(private readonly options: GrpcServerOptions) {
    const { limits, tls, failed, callEnded } = options;
    this.budget = new Budget(limits.bufferBytesMax);
    this.calls = {
      messageLimit: { bytesMax: limits.messageBytesMax, of: 'grpc.messageBytesMax' },
      stallMsMax: limits.stallMsMax,
      budget: this.budget,
      method: (path) => this.methods.get(path),
      failed,
      callEnded,
    };
    this.context = {
      limits,
      budget: this.budget,
      // A message that grows lies in two places for a moment.
      requestBytesMax: Math.max(3 * limits.messageBytesMax, limits.bufferBytesMax / 8),
      slabs: new Slabs(),
      turnEnd: new TurnEnd(),
      open: (connection, id, head, last) => {
        const stream = this.stream(connection, id, head, last);
        stream.begin();
        return stream;
      },
      headersTooLarge: (connection, id, last) => {
        const stream = this.stream(connection, id, NO_HEAD, last);
        stream.fail(
          new GrpcFailure(status.RESOURCE_EXHAUSTED, `the headers have more than ${limits.headerBytesMax} bytes`),
        );
        return stream;
      },
    };
    if (tls === undefined) this.server = createServer({ noDelay: true }, (socket) => this.connected(socket));
    else {
      const secure = { ...tls, ALPNProtocols: ['h2'], handshakeTimeout: limits.handshakeMsMax, noDelay: true };
      this.server = createTlsServer(secure, (socket) => this.secured(socket));
      this.server.on('tlsClientError', (error, socket) =>
        options.connectionEnded('tls', peerOf(socket), error.message),
      );
    }
    this.server.maxConnections = limits.connectionsMax;
    this.server.on('drop', (data) =>
      options.connectionEnded(
        'refused',
        `${data?.remoteAddress}:${data?.remotePort}`,
        `there are ${limits.connectionsMax} connections`,
      ),
    );
    this.checking = setInterval(() => this.check(), CHECKED_EVERY_MS).unref();
  }

  get connectionCount(): number {
    return this.connections.size;
  }
  get callCount(): number {
    let calls = 0;
    for (const { streams } of this.connections) calls += streams.size;
    return calls;
  }
  /** Bytes of requests and answers that are kept. */
  get bufferedBytes(): number {
    return this.budget.used;
  }

  /** @param path such as `/inference.GRPCInferenceService/ModelInfer` */
  handle(path: string, method: GrpcMethod): void {
    this.methods.set(path, method);
  }

  /**
   * Mounts handlers that are written for grpc-js; methods that are handled already stay as they are.
   * @param requestLimit where it is less than the server's
   */
  addService(definition: ServiceDefinition, handlers: UntypedServiceImplementation, requestLimit?: MessageLimit): void {
    for (const [path, method] of libraryMethods(definition, handlers, requestLimit))
      if (!this.methods.has(path)) this.methods.set(path, method);
  }

  /** This server, as grpc-js's packages mount services on it that anybody may call: a few names are all that such a request needs. */
  get open(): LibraryServer {
    return {
      addService: (definition: ServiceDefinition, handlers: UntypedServiceImplementation) =>
        this.addService(definition, handlers, OPEN_LIMIT),
    } as unknown as LibraryServer;
  }

  /** @returns the port @throws Error where the address cannot be had */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, backlog: 1_024 }, () => resolve());
    });
    return (this.server.address() as { port: number }).port;
  }

  /** New certificates for connections to come. */
  setSecureContext(tls: TlsOptions): void {
    (this.server as TlsServer).setSecureContext(tls);
  }

  /** Takes no more calls, and waits for those that are under way, 10 s at most. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.connections) {
      connection.drain();
      for (const stream of connection.streams.values()) (stream as GrpcStream).stop();
    }
    const late = setTimeout(() => {
      for (const { socket } of this.connections) socket.destroy();
    }, DRAIN_MS_MAX);
    if (this.server.listening || this.connections.size > 0) await closed;
    clearTimeout(late);
    clearInterval(this.checking);
  }

  private connected(socket: Socket): void {
    const connection = new Http2Connection(socket, this.context, (ending, why) => {
      this.options.connectionEnded(ending, connection.peer, why);
    });
    this.connections.add(connection);
    socket.once('close', () => this.connections.delete(connection));
  }

  private secured(socket: TLSSocket): void {
    if (socket.alpnProtocol === 'h2') return this.connected(socket);
    this.options.connectionEnded('tls', peerOf(socket), 'the client does not speak HTTP/2 (ALPN h2)');
    socket.destroy();
  }

  private stream(connection: Http2Connection, id: number, head: RequestHead, last: boolean): GrpcStream {
    const stream = new GrpcStream(connection, id, head, connection.liveness.heardAt, this.calls);
    stream.remoteClosed = last;
    return stream;
  }

  private check(): void {
    const now = performance.now();
    for (const connection of this.connections) connection.check(now);
  }
}

const NO_HEAD: RequestHead = {
  method: '',
  path: '',
  fields: [],
  contentType: '',
  contentLength: undefined,
  authorization: undefined,
  encoding: undefined,
  timeout: undefined,
};
