import { connect, type Socket } from 'node:net';
import { Client, credentials, Metadata, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { GyreError } from '@gyre/contracts';
import { grpcFailureOf } from '../failure-filter.js';
import { Identity } from '../identity.js';
import type { BytesHandler, GrpcCall } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';
import { GrpcServer, type GrpcServerOptions } from './grpc-server.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType, PREFACE, settingsFrame } from './http2-frames.js';

/** For specifications: a server with two methods, clients of grpc-js, and connections on which every byte is said by hand. */
export const SAY = '/test.Echo/Say';
/** Counts down from the number in its request, one message each, as fast as they are taken. */
export const COUNT = '/test.Echo/Count';
export const asIs = (bytes: Buffer): Buffer => bytes;
export const soon = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const LIMITS: GrpcServerOptions['limits'] = {
  connectionsMax: 100,
  streamsMax: 100,
  headerBytesMax: 16_384,
  messageBytesMax: 3_000_000,
  bufferBytesMax: 12_000_000,
  handshakeMsMax: 10_000,
  stallMsMax: 10_000,
  silenceMsMax: 60_000,
};
const PATIENCE_MS = 20_000;

type Options = Omit<Partial<GrpcServerOptions>, 'limits'> & { limits?: Partial<GrpcServerOptions['limits']> };

export class EchoServer {
  readonly calls: GrpcCall[] = [];
  /** Who called. */
  readonly names: string[] = [];
  /** Why connections ended. */
  readonly endings: string[] = [];
  readonly server: GrpcServer;
  port = 0;
  /** What SAY does. */
  handler: BytesHandler = (bytes) => Promise.resolve(Buffer.concat([Buffer.from('said '), bytes]));
  private readonly clients: Client[] = [];
  private readonly sockets: Socket[] = [];

  private constructor(options: Options) {
    this.server = new GrpcServer({
      failed: (thrown) =>
        thrown instanceof GyreError ? grpcFailureOf(thrown) : new GrpcFailure(status.INTERNAL, 'a defect'),
      callEnded: () => undefined,
      connectionEnded: (ending) => void this.endings.push(ending),
      ...options,
      limits: { ...LIMITS, ...options.limits },
    });
    this.server.handle(SAY, {
      kind: 'unary',
      identify(call) {
        if (call.authorization === 'Bearer wrong') throw new GyreError('UNAUTHENTICATED', 'not known');
        if (call.authorization === 'Bearer late') return Promise.reject(new GyreError('UNAUTHENTICATED', 'not signed'));
        return call.authorization === 'Bearer bea' ? Promise.resolve(new Identity('bea', [])) : Identity.LOCAL;
      },
      handler: (message, call, identity) => {
        this.calls.push(call);
        this.names.push(identity.name);
        return this.handler(message, call, identity);
      },
    });
    this.server.handle(COUNT, {
      kind: 'streamed',
      requestStream: false,
      responseStream: true,
      open(call) {
        let left = 0;
        const go = (): void => {
          while (left > 0) if (!call.send(Buffer.alloc(10_000, left--))) return;
          call.finish();
        };
        return {
          onMessage: (message) => void (left = message.readUInt8(0)),
          onEnd: go,
          onDrain: go,
          onClosed: () => undefined,
        };
      },
    });
  }

  static async started(options: Options = {}): Promise<EchoServer> {
    const echo = new EchoServer(options);
    echo.port = await echo.server.listen('127.0.0.1', 0);
    return echo;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    for (const socket of this.sockets) socket.destroy();
    await this.server.close();
  }

  /** How a call fails that must not succeed. */
  async failed(...args: Parameters<EchoServer['say']>): Promise<ServiceError> {
    return this.say(...args).then(
      (answer) => Promise.reject(new Error(`it was answered: ${String(answer)}`)),
      (error: unknown) => error as ServiceError,
    );
  }
  client(options: object = {}, channel: ChannelCredentials = credentials.createInsecure()): Client {
    const client = new Client(`localhost:${this.port}`, channel, options);
    this.clients.push(client);
    return client;
  }
  say(
    message: string | Buffer,
    { token = 'Bearer ana', deadline = Infinity, client = this.client() } = {},
  ): Promise<Buffer> {
    const metadata = new Metadata();
    metadata.set('authorization', token);
    return new Promise((resolve, reject) =>
      client.makeUnaryRequest(SAY, asIs, asIs, Buffer.from(message), metadata, { deadline }, (error, answer) =>
        error === null ? resolve(answer as Buffer) : reject(error),
      ),
    );
  }

  /** A connection that says nothing yet. */
  mute(): RawConnection {
    const socket = connect(this.port, '127.0.0.1');
    this.sockets.push(socket);
    return new RawConnection(socket);
  }
  /** A connection that has begun, and says that. */
  raw(...bytes: Buffer[]): RawConnection {
    const raw = this.mute();
    raw.say(PREFACE, settingsFrame([]), ...bytes);
    return raw;
  }
}

export interface Came {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** Says bytes to the server, and keeps the frames that come. */
export class RawConnection {
  readonly frames: Came[] = [];
  closed = false;
  private unread: Buffer = Buffer.alloc(0);

  constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.read(bytes));
    socket.on('close', () => (this.closed = true));
    socket.on('error', () => undefined);
  }

  say(...bytes: Buffer[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  async until(what: () => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!what()) {
      if (Date.now() > end) throw new Error(`only ${JSON.stringify(this.frames.map(({ type }) => type))} came`);
      await soon();
    }
  }
  async came(type: number, stream: number): Promise<void> {
    await this.until(() => this.has(type, stream));
  }
  has(type: number, stream: number): boolean {
    return this.frames.some((came) => came.type === type && came.stream === stream);
  }
  /** The status with which a call ended. */
  async statusOf(id: number): Promise<number> {
    let found: Came | undefined;
    await this.until(
      () =>
        (found = this.frames.find(
          (came) => came.stream === id && came.type === FrameType.headers && came.payload.includes('grpc-status'),
        )) !== undefined,
    );
    return Number(/grpc-status.(\d+)/.exec(String(found?.payload.toString('latin1')))?.[1]);
  }
  /** The code of the GOAWAY with which the server ended it. */
  async goneWith(): Promise<number> {
    await this.until(() => this.closed);
    return this.frames.findLast(({ type }) => type === FrameType.goaway)?.payload.readUInt32BE(4) ?? -1;
  }

  private read(bytes: Buffer): void {
    this.unread = this.unread.length === 0 ? bytes : Buffer.concat([this.unread, bytes]);
    while (this.unread.length >= 9) {
      const { unread } = this;
      const end = 9 + unread.readUIntBE(0, 3);
      if (end > unread.length) return;
      const [type, flags] = [unread[3] as number, unread[4] as number];
      this.frames.push({ type, flags, stream: unread.readUInt32BE(5), payload: unread.subarray(9, end) });
      this.unread = unread.subarray(end);
    }
  }
}

export const CALL = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', SAY],
  [':authority', 'test'],
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
] as const;
/** The headers of a call, with some said otherwise, and others besides. */
export const callWith = (changes: Record<string, string>): Buffer => {
  const known = new Set<string>(CALL.map(([name]) => name));
  return headerBlock([
    ...CALL.map(([name, value]) => [name, changes[name] ?? value] as const),
    ...Object.entries(changes).filter(([name]) => !known.has(name)),
  ]);
};
export const opening = (stream: number, block = headerBlock(CALL), flags = 0): Buffer =>
  frame(FrameType.headers, Flag.endHeaders | flags, stream, block);
/** A message with what stands before it. */
export const message = (content: string | Buffer, compressed = 0): Buffer => {
  const bytes = Buffer.from(content);
  const prefix = Buffer.from([compressed, 0, 0, 0, 0]);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
};
export const data = (stream: number, bytes: Buffer): Buffer => frame(FrameType.data, 0, stream, bytes);
export const lastData = (stream: number, bytes: Buffer): Buffer => frame(FrameType.data, Flag.endStream, stream, bytes);
/** A call of SAY. */
export const whole = (stream: number, content: string | Buffer = 'this'): Buffer =>
  Buffer.concat([opening(stream), lastData(stream, message(content))]);
export const reset = (stream: number): Buffer => frame(FrameType.rstStream, 0, stream, Buffer.alloc(4));
export const window = (stream: number, bytes: number): Buffer => {
  const more = Buffer.alloc(4);
  more.writeUInt32BE(bytes);
  return frame(FrameType.windowUpdate, 0, stream, more);
};
export const pinging = (word: string): Buffer => frame(FrameType.ping, 0, 0, Buffer.from(word.padEnd(8)));

/** A method of `test.Library`, as grpc-js describes it; its messages are bytes. */
export const libraryMethod = (name: string, { requestStream = false, responseStream = false } = {}) => ({
  path: `/test.Library/${name}`,
  requestStream,
  responseStream,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});
