import { status } from '@grpc/grpc-js';
import { GyreError } from '@gyre/contracts';
import { CALL, callWith, EchoServer, lastData, message, opening, pinging, SAY, soon, whole } from './a-grpc-server.js';
import { GrpcFailure } from './grpc-failure.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType } from './http2-frames.js';

const PROTOCOL_ERROR = 1;
const { continuation, headers, ping, priority, rstStream } = FrameType;

let echo: EchoServer;
afterEach(() => echo.close());

describe('a gRPC server', () => {
  it('refuses one call, not the connection, for too many headers, a broken length or a body cut short', async () => {
    echo = await EchoServer.started();
    const long = headerBlock([...CALL, ['a', 'x'.repeat(10_000)], ['b', 'x'.repeat(6_050)]]);
    const cut = lastData(3, message('this').subarray(0, 7));
    const raw = echo.raw(opening(1, long), opening(3), cut, whole(5));
    expect(await raw.statusOf(5)).toBe(0);
    expect(await raw.statusOf(1)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await raw.statusOf(3)).toBe(status.INTERNAL);
  });

  it('tells a failure in any script and of any length, and other calls of the connection never notice', async () => {
    echo = await EchoServer.started();
    const failures = new Map([
      ['漢', '漢'.repeat(3_000)],
      ['emoji', `x${'🌊'.repeat(3_000)}`],
      ['half', `${'x'.repeat(4_095)}\ud800`],
      ['percent', '%'.repeat(3_000)],
    ]);
    let end = (): void => undefined;
    echo.handler = (bytes) =>
      String(bytes) === 'slow'
        ? new Promise((resolve) => (end = () => resolve(bytes)))
        : Promise.reject(new GyreError('MODEL_NOT_FOUND', failures.get(String(bytes)) ?? ''));
    const client = echo.client();
    const slow = echo.say('slow', { client });
    while (echo.calls.length === 0) await soon();
    for (const [name, words] of failures) {
      const { code, details } = await echo.failed(name, { client });
      expect(code).toBe(status.NOT_FOUND);
      const full = `MODEL_NOT_FOUND: ${words.toWellFormed()}`;
      expect(full.startsWith(details)).toBe(true);
      expect(encodeURIComponent(details).length).toBeGreaterThan(4_000);
    }
    end();
    expect(String(await slow)).toBe('slow');
  });

  it('sends trailers that are larger than a frame in several', async () => {
    const failed = (): GrpcFailure => new GrpcFailure(status.ABORTED, 'long', [['x-long', 'y'.repeat(40_000)]]);
    echo = await EchoServer.started({ failed });
    echo.handler = () => Promise.reject(new Error());
    const client = echo.client({ 'grpc.max_metadata_size': 65_536 });
    const error = await echo.failed('this', { client });
    expect(error).toMatchObject({ code: status.ABORTED });
    expect(error.metadata.get('x-long')[0]).toHaveLength(40_000);
    const raw = echo.raw(whole(1));
    await raw.came(continuation, 1);
    const blocks = raw.frames.filter(({ stream }) => stream === 1).map(({ type, flags }) => [type, flags]);
    expect(blocks).toEqual([
      [headers, Flag.endStream],
      [continuation, 0],
      [continuation, Flag.endHeaders],
    ]);
  });

  it.each([
    ['an encoding that objects have by nature', { 'grpc-encoding': 'constructor' }],
    ['a method that nobody handles', { ':path': '/test.Echo/None' }],
  ])('refuses %s at once', async (_, changes) => {
    echo = await EchoServer.started();
    const raw = echo.raw(opening(1, callWith(changes), Flag.endStream), pinging('then'));
    expect(await raw.statusOf(1)).toBe(status.UNIMPLEMENTED);
    await raw.came(ping, 0);
    // The request was whole: there is nothing to take back.
    expect(raw.has(rstStream, 1)).toBe(false);
  });

  it('says which compressions it takes where it does not take one, and takes no format but protobuf', async () => {
    echo = await EchoServer.started();
    const raw = echo.raw(opening(1, callWith({ 'grpc-encoding': 'snappy' })));
    expect(await raw.statusOf(1)).toBe(status.UNIMPLEMENTED);
    expect(raw.frames.some(({ payload }) => payload.includes('identity,gzip,deflate'))).toBe(true);
    const typed = (id: number, type: string): Buffer[] => [
      opening(id, callWith({ 'content-type': type })),
      lastData(id, message('this')),
    ];
    raw.say(...typed(3, 'application/grpc+json'), ...typed(5, 'application/grpc+proto'));
    raw.say(...typed(7, 'application/grpc;charset=utf-8'));
    expect(await raw.statusOf(3)).toBe(status.UNIMPLEMENTED);
    expect(await raw.statusOf(5)).toBe(0);
    expect(await raw.statusOf(7)).toBe(0);
  });

  it.each([
    ['a NUL', { ':path': `${SAY}\0` }],
    ['a line break', { ':authority': 'test\r\nx: y' }],
    ['a space before it', { ':path': ` ${SAY}` }],
    ['a tab after it', { 'x-api-key': 'secret\t' }],
  ])('resets a call whose header has a value with %s', async (_, changes) => {
    echo = await EchoServer.started();
    const raw = echo.raw(opening(1, callWith(changes)), whole(3));
    expect(await raw.statusOf(3)).toBe(0);
    const resets = raw.frames.filter(({ type, stream }) => type === rstStream && stream === 1);
    expect(resets.map(({ payload }) => payload.readUInt32BE(0))).toEqual([PROTOCOL_ERROR]);
  });

  it('is no server of grpc-web, takes no request of two lengths, and no stream that waits for itself', async () => {
    echo = await EchoServer.started();
    echo.handler = () => new Promise(() => undefined);
    const raw = echo.raw(opening(1, callWith({ 'content-type': 'application/grpc-web' }), Flag.endStream));
    await raw.until(() => raw.frames.some(({ stream, payload }) => stream === 1 && payload.includes('415')));
    const twoLengths = headerBlock([...CALL, ['content-length', '9'], ['content-length', '8']]);
    raw.say(opening(3, twoLengths), opening(5));
    await raw.came(rstStream, 3);
    raw.say(frame(priority, 0, 5, Buffer.from([0, 0, 0, 5, 1])));
    await raw.came(rstStream, 5);
    expect(raw.has(headers, 5)).toBe(false);
    expect(echo.server.callCount).toBe(0);
  });
});
