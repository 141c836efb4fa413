import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { GyreError } from '@gyre/contracts';
import fc from 'fast-check';
import { grpcFailureOf } from '../failure-filter.js';
import { Identity } from '../identity.js';
import type { BytesHandler, GrpcCall } from './grpc-call.js';
import { GrpcFailure } from './grpc-failure.js';
import { GrpcServer, type GrpcServerOptions } from './grpc-server.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType, PREFACE, settingsFrame } from './http2-frames.js';

const SAY = '/test.Echo/Say';
const COUNT = '/test.Echo/Count';
const asIs = (bytes: Buffer): Buffer => bytes;
const GZIP = { 'grpc.default_compression_algorithm': 2 };
const UNLIMITED = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
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

let server: GrpcServer;
let port: number;
let handler: BytesHandler;
let calls: GrpcCall[];
let names: string[];
let endings: string[];
let clients: Client[];
let sockets: Socket[];

const start = async (options: Omit<Partial<GrpcServerOptions>, 'limits'> & { limits?: object } = {}): Promise<void> => {
  server = new GrpcServer({
    failed: (thrown) =>
      thrown instanceof GyreError ? grpcFailureOf(thrown) : new GrpcFailure(status.INTERNAL, 'a defect'),
    callEnded: () => undefined,
    connectionEnded: (ending) => void endings.push(ending),
    ...options,
    limits: { ...LIMITS, ...options.limits },
  });
  server.handle(SAY, {
    kind: 'unary',
    identify(call) {
      if (call.authorization === 'Bearer wrong') throw new GyreError('UNAUTHENTICATED', 'not known');
      if (call.authorization === 'Bearer late') return Promise.reject(new GyreError('UNAUTHENTICATED', 'not signed'));
      return call.authorization === 'Bearer ana' ? Identity.LOCAL : Promise.resolve(new Identity('bea', []));
    },
    handler(message, call, identity) {
      calls.push(call);
      names.push(identity.name);
      return handler(message, call, identity);
    },
  });
  // Counts down from the number in its request, one message each, as fast as they are taken.
  server.handle(COUNT, {
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
  port = await server.listen('127.0.0.1', 0);
};

beforeEach(() => {
  [calls, names, endings, clients, sockets] = [[], [], [], [], []];
  handler = (bytes) => Promise.resolve(Buffer.concat([Buffer.from('said '), bytes]));
});
afterEach(async () => {
  for (const client of clients) client.close();
  for (const socket of sockets) socket.destroy();
  await server.close();
});

const clientOf = (options: object = {}, channel: ChannelCredentials = credentials.createInsecure()): Client => {
  const client = new Client(`localhost:${port}`, channel, options);
  clients.push(client);
  return client;
};
const say = (message: string | Buffer, { token = 'Bearer ana', deadline = Infinity, client = clientOf() } = {}) => {
  const metadata = new Metadata();
  metadata.set('authorization', token);
  return new Promise<Buffer>((resolve, reject) =>
    client.makeUnaryRequest(SAY, asIs, asIs, Buffer.from(message), metadata, { deadline }, (error, answer) =>
      error === null ? resolve(answer as Buffer) : reject(error),
    ),
  );
};
const failure = (code: number, details: string): object =>
  expect.objectContaining<Partial<ServiceError>>({ code, details: expect.stringContaining(details) as string });
const soon = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A connection by hand: what is sent is said byte for byte. */
class Raw {
  got = Buffer.alloc(0);
  closed = false;
  constructor(readonly socket: Socket) {
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => (this.got = Buffer.concat([this.got, bytes])));
    socket.on('close', () => (this.closed = true));
    socket.on('error', () => undefined);
  }
  static greeted(): Raw {
    const raw = new Raw(connect(port, '127.0.0.1'));
    raw.socket.write(Buffer.concat([PREFACE, settingsFrame([])]));
    return raw;
  }
  frames(): { type: number; stream: number; payload: Buffer }[] {
    const all = [];
    for (let at = 0; at + 9 <= this.got.length; at += 9 + this.got.readUIntBE(at, 3)) {
      const payload = this.got.subarray(at + 9, at + 9 + this.got.readUIntBE(at, 3));
      all.push({ type: this.got[at + 3] as number, stream: this.got.readUInt32BE(at + 5), payload });
    }
    return all;
  }
  async until(what: () => boolean): Promise<void> {
    const end = Date.now() + 20_000;
    while (!what()) {
      if (Date.now() > end)
        throw new Error(`nothing came but ${JSON.stringify(this.frames().map(({ type }) => type))}`);
      await soon();
    }
  }
  /** The code of the GOAWAY with which the server ended it. */
  async goneWith(): Promise<number> {
    await this.until(() => this.closed);
    return (
      this.frames()
        .findLast(({ type }) => type === FrameType.goaway)
        ?.payload.readUInt32BE(4) ?? -1
    );
  }
}
const CALL = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', SAY],
  [':authority', 'test'],
  ['te', 'trailers'],
  ['content-type', 'application/grpc'],
] as const;
const opening = (stream: number, block = headerBlock(CALL)): Buffer =>
  frame(FrameType.headers, Flag.endHeaders, stream, block);
const body = (text: string): Buffer => {
  const lead = Buffer.alloc(5);
  lead.writeUInt32BE(text.length, 1);
  return Buffer.concat([lead, Buffer.from(text)]);
};
const whole = (stream: number, text = 'this'): Buffer =>
  Buffer.concat([opening(stream), frame(FrameType.data, Flag.endStream, stream, body(text))]);

describe('a gRPC server, to a client of grpc-js', () => {
  it('answers, whether the call is compressed or not, and an empty message too', async () => {
    await start();
    const answers = await Promise.all([say('this'), say('that', { client: clientOf(GZIP) }), say('')]);
    expect(answers.map(String)).toEqual(['said this', 'said that', 'said ']);
    expect(String(await say('this', { token: 'Bearer bea' }))).toBe('said this');
    expect(names).toEqual([...Array<string>(3).fill('local user'), 'bea']);
    expect(calls[0]?.getPeer()).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(calls[0]?.peerCertificate()).toBeUndefined();
  });

  it('carries messages beyond every window there and back, many at once, and none beyond the limit', async () => {
    await start();
    handler = (bytes) => Promise.resolve(bytes);
    const client = clientOf(UNLIMITED);
    const messages = [2_900_000, 70_000, 3, 900_000].map((size, i) => Buffer.alloc(size, `${i}`));
    const answers = await Promise.all(messages.map((message) => say(message, { client })));
    expect(answers.map((answer, i) => answer.equals(messages[i] as Buffer))).toEqual([true, true, true, true]);
    const long = Buffer.alloc(3_000_001);
    const refused = failure(status.RESOURCE_EXHAUSTED, 'grpc.messageBytesMax');
    await expect(say(long, { client })).rejects.toEqual(refused);
    await expect(say(long, { client: clientOf({ ...UNLIMITED, ...GZIP }) })).rejects.toEqual(refused);
    handler = () => Promise.resolve(long);
    await expect(say('this', { client })).rejects.toEqual(refused);
    expect(server.bufferedBytes).toBe(0);
  });

  it('streams no faster than it is read', async () => {
    await start();
    const stream = clientOf().makeServerStreamRequest(COUNT, asIs, asIs, Buffer.from([200]));
    stream.pause();
    await soon(100);
    expect(server.bufferedBytes).toBeLessThan(200_000);
    const got: number[] = [];
    for await (const message of stream) got.push((message as Buffer)[0] as number);
    expect(got).toEqual(Array.from({ length: 200 }, (_, i) => 200 - i));
  });

  it('fails with the status and the words of what was thrown, in any script', async () => {
    await start();
    handler = () => Promise.reject(new GyreError('OVERLOADED', 'zu viel für 100 %', { retryAfterMs: 70 }));
    const failed = await say('this').catch((error: unknown) => error as ServiceError);
    expect(failed).toEqual(failure(status.RESOURCE_EXHAUSTED, 'OVERLOADED: zu viel für 100 %'));
    expect((failed as ServiceError).metadata.get('grpc-retry-pushback-ms')).toEqual(['70']);
    handler = () => {
      throw new Error('thrown at once');
    };
    await expect(say('this')).rejects.toEqual(failure(status.INTERNAL, 'a defect'));
    await expect(say('this', { token: 'Bearer wrong' })).rejects.toEqual(failure(status.UNAUTHENTICATED, 'not known'));
    await expect(say('this', { token: 'Bearer late' })).rejects.toEqual(failure(status.UNAUTHENTICATED, 'not signed'));
    const other = new Promise((_, reject) =>
      clientOf().makeUnaryRequest('/test.Echo/Shout', asIs, asIs, Buffer.alloc(0), (error) => reject(error as Error)),
    );
    await expect(other).rejects.toEqual(failure(status.UNIMPLEMENTED, '/test.Echo/Shout'));
  });

  it('tells the handler of the deadline, and that the client has gone', async () => {
    await start();
    handler = () => new Promise(() => undefined);
    const deadline = Date.now() + 150;
    await expect(say('this', { deadline })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const [call] = calls as [GrpcCall];
    expect(Math.abs(Number(call.getDeadline()) - deadline)).toBeLessThan(100);
    while (!call.cancelled) await soon();
    const taken = clientOf().makeUnaryRequest(SAY, asIs, asIs, Buffer.from('that'), () => undefined);
    while (calls.length < 2) await soon();
    taken.cancel();
    while (calls[1]?.cancelled !== true) await soon();
    expect(server.callCount).toBe(0);
  });

  it('lets what is under way end when it stops, and takes no more', async () => {
    await start();
    let end = (): void => undefined;
    handler = (bytes) => new Promise((resolve) => (end = () => resolve(bytes)));
    const client = clientOf();
    const under = say('this', { client });
    while (calls.length === 0) await soon();
    const stopped = server.close();
    await soon(50);
    await expect(say('that', { client })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    end();
    expect(String(await under)).toBe('this');
    await stopped;
    expect(endings).toEqual(['drained']);
  });

  it('speaks TLS, and shows a handler the certificate of a client that has a trusted one', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gyre-tls-'));
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: home, stdio: 'ignore' });
    const make = (name: string, subject: string): void =>
      // prettier-ignore
      openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
        '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject, '-addext', 'subjectAltName=DNS:localhost');
    make('server', '/CN=localhost');
    make('client', '/CN=ana');
    const read = (name: string): Buffer => readFileSync(join(home, name));
    const tls = { key: read('server.key'), cert: read('server.pem'), ca: read('client.pem') };
    await start({ tls: { ...tls, requestCert: true, rejectUnauthorized: false } });
    const known = credentials.createSsl(read('server.pem'), read('client.key'), read('client.pem'));
    const stranger = credentials.createSsl(read('server.pem'));
    rmSync(home, { recursive: true });
    expect(String(await say('this', { client: clientOf({}, known) }))).toBe('said this');
    expect(String(await say('that', { client: clientOf({}, stranger) }))).toBe('said that');
    expect(calls.map((call) => call.peerCertificate()?.subject.CN)).toEqual(['ana', undefined]);
  });
});

describe('a gRPC server, to clients that do not behave', () => {
  const PROTOCOL_ERROR = 1;
  const COMPRESSION_ERROR = 9;
  const ENHANCE_YOUR_CALM = 11;
  const many = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes));

  it.each<[string, number, () => Buffer]>([
    ['no HTTP/2 at all', -1, () => Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['pings without end', ENHANCE_YOUR_CALM, () => many(2_000, frame(FrameType.ping, 0, 0, Buffer.alloc(8)))],
    ['settings without end', ENHANCE_YOUR_CALM, () => many(2_000, settingsFrame([]))],
    ['empty data', ENHANCE_YOUR_CALM, () => Buffer.concat([opening(1), many(2_000, frame(FrameType.data, 0, 1))])],
    [
      'headers without end',
      ENHANCE_YOUR_CALM,
      () =>
        Buffer.concat([
          frame(FrameType.headers, 0, 1, headerBlock(CALL)),
          many(50, frame(FrameType.continuation, 0, 1, Buffer.alloc(1_000, 0x82))),
        ]),
    ],
    [
      'calls that are taken back',
      ENHANCE_YOUR_CALM,
      () =>
        Buffer.concat(
          Array.from({ length: 2_000 }, (_, i) =>
            Buffer.concat([opening(i * 2 + 1), frame(FrameType.rstStream, 0, i * 2 + 1, Buffer.alloc(4))]),
          ),
        ),
    ],
    ['a header that is in no table', COMPRESSION_ERROR, () => opening(1, Buffer.from([0xff, 0x80, 0x01]))],
    ['data of a stream that nobody opened', PROTOCOL_ERROR, () => frame(FrameType.data, 0, 7, Buffer.from('x'))],
  ])('ends the connection for %s, and answers others meanwhile', async (_, code, bytes) => {
    await start();
    const raw = code === -1 ? new Raw(connect(port, '127.0.0.1')) : Raw.greeted();
    raw.socket.write(bytes());
    const other = say('this');
    expect(await raw.goneWith()).toBe(code === -1 ? PROTOCOL_ERROR : code);
    expect(String(await other)).toBe('said this');
    expect(server.callCount).toBe(0);
  });

  it('refuses one call, not the connection, for too many headers, a broken length or a body cut short', async () => {
    await start();
    const raw = Raw.greeted();
    const long = headerBlock([...CALL, ['a', 'x'.repeat(10_000)], ['b', 'x'.repeat(6_050)]]);
    raw.socket.write(opening(1, long));
    raw.socket.write(
      Buffer.concat([opening(3), frame(FrameType.data, Flag.endStream, 3, body('this').subarray(0, 7))]),
    );
    raw.socket.write(whole(5));
    await raw.until(() => raw.frames().filter(({ stream, type }) => stream === 5 && type === 1).length === 2);
    const statusOf = (id: number): string =>
      /grpc-status.(\d+)/.exec(
        String(raw.frames().findLast(({ stream, type }) => stream === id && type === 1)?.payload),
      )?.[1] ?? '';
    expect([1, 3, 5].map(statusOf)).toEqual([String(status.RESOURCE_EXHAUSTED), String(status.INTERNAL), '0']);
  });

  it('cuts off who begins and does not go on, and who does not read', async () => {
    await start({ limits: { handshakeMsMax: 300, stallMsMax: 300 } });
    handler = () => Promise.resolve(Buffer.alloc(2_000_000));
    const mute = new Raw(connect(port, '127.0.0.1'));
    const half = Raw.greeted();
    half.socket.write(whole(1).subarray(0, 20));
    const unread = Raw.greeted();
    const wide = settingsFrame([[4, 2 ** 30]]);
    unread.socket.write(Buffer.concat([wide, frame(FrameType.windowUpdate, 0, 0, Buffer.from([64, 0, 0, 0]))]));
    unread.socket.pause();
    for (let id = 1; id < 40; id += 2) unread.socket.write(whole(id));
    await Promise.all([mute, half].map((raw) => raw.until(() => raw.closed)));
    await unread.until(() => server.connectionCount === 0);
    expect(server.bufferedBytes).toBe(0);
    expect(endings.sort()).toEqual(['handshake', 'stalled', 'stalled']);
  });

  it('holds each client to as many calls as one may have, and itself to so many connections', async () => {
    await start({ limits: { streamsMax: 3, connectionsMax: 2 } });
    handler = () => new Promise(() => undefined);
    const raw = Raw.greeted();
    raw.socket.write(Buffer.concat([1, 3, 5, 7].map((id) => whole(id))));
    await raw.until(() => raw.frames().some(({ type, stream }) => type === FrameType.rstStream && stream === 7));
    // Taken back, they still count as long as they are worked on.
    raw.socket.write(Buffer.concat([1, 3, 5].map((id) => frame(FrameType.rstStream, 0, id, Buffer.alloc(4)))));
    raw.socket.write(whole(9));
    await raw.until(() => raw.frames().some(({ type, stream }) => type === FrameType.rstStream && stream === 9));
    expect(calls).toHaveLength(3);
    Raw.greeted();
    while (server.connectionCount < 2) await soon();
    const third = Raw.greeted();
    await third.until(() => third.closed);
    expect(endings).toContain('refused');
  });

  it('survives any bytes: each call gets an answer or the connection an end', async () => {
    await start({ limits: { stallMsMax: 300, handshakeMsMax: 300, connectionsMax: 1_000 } });
    const sane = Buffer.concat([
      opening(1),
      frame(FrameType.data, Flag.endStream, 1, body('this')),
      whole(3),
      whole(5),
    ]);
    const mutation = fc.record({ at: fc.nat(sane.length - 1), byte: fc.nat(255), cut: fc.boolean() });
    const cuts = fc.array(fc.nat(sane.length - 1), { maxLength: 4 });
    const attempt = async ([mutations, places]: [{ at: number; byte: number; cut: boolean }[], number[]]) => {
      let bytes = Buffer.from(sane);
      for (const { at, byte, cut } of mutations) {
        if (cut) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        else if (at < bytes.length) bytes[at] = byte;
      }
      const raw = Raw.greeted();
      let from = 0;
      for (const to of [...places.sort((a, b) => a - b), bytes.length]) {
        raw.socket.write(bytes.subarray(from, to));
        from = Math.max(from, to);
        await new Promise(setImmediate);
      }
      for (const word of ['finished', 'yes, it ']) raw.socket.write(frame(FrameType.ping, 0, 0, Buffer.from(word)));
      await raw.until(() => raw.closed || raw.got.includes('finished') || raw.got.includes('yes, it '));
      await raw.until(() => raw.closed || server.callCount === 0);
    };
    await Promise.all(
      fc.sample(fc.tuple(fc.array(mutation, { maxLength: 4 }), cuts), { numRuns: 600, seed: 1 }).map(attempt),
    );
    expect(String(await say('this'))).toBe('said this');
  });
});
