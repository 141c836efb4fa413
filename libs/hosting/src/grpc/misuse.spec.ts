import { connect, type Socket } from 'node:net';
import { status, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { Identity } from '../identity.js';
import { GrpcFailure } from './grpc-failure.js';
import { GrpcServer, type GrpcServerOptions } from './grpc-server.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType, PREFACE, settingsFrame } from './http2-frames.js';

const LIMITS: GrpcServerOptions['limits'] = {
  connectionsMax: 100,
  streamsMax: 1_000,
  headerBytesMax: 16_384,
  messageBytesMax: 3_000_000,
  bufferBytesMax: 6_000_000,
  handshakeMsMax: 10_000,
  stallMsMax: 10_000,
  silenceMsMax: 60_000,
};
const ECHO = '/test.Echo/Say';
const ENHANCE_YOUR_CALM = 11;
const asIs = (bytes: Buffer): Buffer => bytes;
const { ping, rstStream, priority, data, goaway, headers } = FrameType;

let server: GrpcServer;
let port: number;
let sockets: Socket[];
let answer: (bytes: Buffer) => Promise<Buffer>;

const start = async (limits: Partial<GrpcServerOptions['limits']> = {}): Promise<void> => {
  server = new GrpcServer({
    limits: { ...LIMITS, ...limits },
    failed: (thrown) => new GrpcFailure(status.INTERNAL, `a defect: ${(thrown as Error).message}`),
    callEnded: () => undefined,
    connectionEnded: () => undefined,
  });
  server.handle(ECHO, { kind: 'unary', identify: () => Identity.LOCAL, handler: (bytes) => answer(bytes) });
  port = await server.listen('127.0.0.1', 0);
};
beforeEach(() => {
  sockets = [];
  answer = (bytes) => Promise.resolve(bytes);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close();
});

interface Came {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}
const framesIn = (bytes: Buffer): Came[] => {
  const all = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    all.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3)),
    });
  return all;
};
/** Says bytes to the server, and looks at the frames that come. */
const client = (...first: Buffer[]) => {
  let got = Buffer.alloc(0);
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('data', (bytes: Buffer) => (got = Buffer.concat([got, bytes])));
  socket.on('error', () => undefined);
  const say = (...bytes: Buffer[]): void => void socket.write(Buffer.concat(bytes));
  say(PREFACE, settingsFrame([]), ...first);
  const until = async (wanted: (frame: Came) => boolean): Promise<Came> => {
    const end = Date.now() + 4_000;
    for (;;) {
      const found = framesIn(got).find(wanted);
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`only ${JSON.stringify(framesIn(got).map(({ type }) => type))} came`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const statusOf = async (id: number): Promise<number> => {
    const found = await until(({ stream, payload }) => stream === id && payload.includes('grpc-status'));
    return Number(/grpc-status.(\d+)/.exec(found.payload.toString('latin1'))?.[1]);
  };
  return { socket, say, until, statusOf, frames: () => framesIn(got) };
};
const HEADERS = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', ECHO],
  ['content-type', 'application/grpc'],
] as const;
const open = (stream: number, more: readonly (readonly [string, string])[] = [], flags = 0): Buffer =>
  frame(headers, Flag.endHeaders | flags, stream, headerBlock([...HEADERS, ...more]));
const message = (bytes: Buffer, compressed = 0): Buffer => {
  const lead = Buffer.alloc(5, compressed);
  lead.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([lead, bytes]);
};
const send = (stream: number, bytes: Buffer): Buffer => frame(data, Flag.endStream, stream, bytes);
const pinging = (word: string): Buffer => frame(ping, 0, 0, Buffer.from(word.padEnd(8)));
const THIS = message(Buffer.from('this'));

describe('a gRPC server', () => {
  it('lets a client ping as often as it works, and cuts one off that asks a thousand settings at once', async () => {
    await start();
    const busy = client();
    for (let i = 0; i < 1_500; i++) busy.say(open(i * 2 + 1), send(i * 2 + 1, THIS), pinging('bdp'));
    expect(await busy.statusOf(2_999)).toBe(0);
    expect(busy.frames().some(({ type }) => type === goaway)).toBe(false);
    const greedy = client(settingsFrame(Array.from({ length: 1_001 }, (_, i) => [4, i] as const)));
    const end = await greedy.until(({ type }) => type === goaway);
    expect(end.payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM);
  });

  it.each([
    ['an encoding that objects have by nature', [['grpc-encoding', 'constructor']], status.UNIMPLEMENTED],
    ['a method that nobody handles', [['x', 'y']], status.UNIMPLEMENTED, '/test.Echo/None'],
  ] as const)('refuses %s at once', async (_, more, code, path: string = ECHO) => {
    await start();
    const { say, statusOf, until, frames } = client();
    const all = [...HEADERS, ...more].map(([name, value]) => [name, name === ':path' ? path : value] as const);
    say(frame(headers, Flag.endHeaders | Flag.endStream, 1, headerBlock(all)), pinging('then'));
    expect(await statusOf(1)).toBe(code);
    await until(({ type }) => type === ping);
    // The request was whole: there is nothing to take back.
    expect(frames().some(({ type }) => type === rstStream)).toBe(false);
  });

  it('is no server of grpc-web, takes no request of two lengths, and no stream that waits for itself', async () => {
    await start();
    answer = () => new Promise(() => undefined);
    const { say, until } = client();
    const other = HEADERS.map(([name, value]) => [name, name === 'content-type' ? `${value}-web` : value] as const);
    say(frame(headers, Flag.endHeaders | Flag.endStream, 1, headerBlock(other)));
    await until(({ stream, type, payload }) => stream === 1 && type === headers && payload.includes('415'));
    const lengths = [
      ['content-length', '9'],
      ['content-length', '8'],
    ] as const;
    say(open(3, lengths), open(5));
    await until(({ stream, type }) => stream === 3 && type === rstStream);
    say(frame(priority, 0, 5, Buffer.from([0, 0, 0, 5, 1])));
    await until(({ stream, type }) => stream === 5 && type === rstStream);
    expect(server.callCount).toBe(0);
  });

  it('keeps a client that only reads, as long as it reads on, and cuts off one that reads a byte now and then', async () => {
    await start({ stallMsMax: 300 });
    answer = () => Promise.resolve(Buffer.alloc(100_000));
    const window = (stream: number, bytes: number): Buffer => {
      const more = Buffer.alloc(4);
      more.writeUInt32BE(bytes);
      return frame(FrameType.windowUpdate, 0, stream, more);
    };
    const slow = client(window(0, 1_000_000), open(1), send(1, THIS), open(3), send(3, THIS));
    const reading = setInterval(() => slow.say(window(1, 1), window(3, 500)), 50);
    await slow.until(({ stream, type }) => stream === 1 && type === rstStream);
    clearInterval(reading);
    expect(slow.frames().some(({ stream, type }) => stream === 3 && type === rstStream)).toBe(false);
    slow.say(window(3, 100_000));
    expect(await slow.statusOf(3)).toBe(0);
  });

  it('answers a small call while requests that are not whole take what one connection may have', async () => {
    await start({ messageBytesMax: 10_000, bufferBytesMax: 30_000 });
    const hoarder = client();
    for (let id = 1; id < 200; id += 2) hoarder.say(open(id), frame(data, 0, id, THIS.subarray(0, 6)));
    while (server.callCount < 100) await new Promise(setImmediate);
    expect(server.bufferedBytes).toBeLessThan(10_000);
    for (let id = 201; id < 210; id += 2)
      hoarder.say(open(id), frame(data, 0, id, message(Buffer.alloc(9_000)).subarray(0, 8_000)));
    expect(await hoarder.statusOf(207)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await client(open(1), send(1, THIS)).statusOf(1)).toBe(0);
    // A call that may bring one message is ended by the second, before either is looked at.
    expect(await client(open(1), frame(data, 0, 1, Buffer.concat([THIS, THIS]))).statusOf(1)).toBe(status.INTERNAL);
  });

  it('ends a stream of answers when it stops, and lets other calls of a library end by themselves', async () => {
    await start();
    const method = (name: string, responseStream: boolean) => ({
      path: `/test.Library/${name}`,
      requestStream: false,
      responseStream,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    });
    let done = (): void => undefined;
    const handlers: UntypedServiceImplementation = {
      Get: (call: { request: Buffer }, end: (error: null, answer: Buffer) => void) =>
        void (done = () => end(null, call.request)),
      Watch: () => undefined,
    };
    const service: ServiceDefinition = { Get: method('Get', false), Watch: method('Watch', true) };
    server.addService(service, handlers);
    const { say, statusOf, frames } = client();
    ['Get', 'Watch'].forEach((name, i) => {
      const path = [...HEADERS].map(
        ([key, value]) => [key, key === ':path' ? `/test.Library/${name}` : value] as const,
      );
      say(frame(headers, Flag.endHeaders, i * 2 + 1, headerBlock(path)), send(i * 2 + 1, THIS));
    });
    while (server.callCount < 2) await new Promise(setImmediate);
    const stopped = server.close();
    expect(await statusOf(3)).toBe(status.UNAVAILABLE);
    expect(frames().some(({ stream, type }) => stream === 1 && type === headers)).toBe(false);
    done();
    expect(await statusOf(1)).toBe(0);
    await stopped;
  });
});
