import { status } from '@grpc/grpc-js';
import { CALL, callWith, EchoServer, lastData, message, opening, pinging, whole } from './a-grpc-server.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType } from './http2-frames.js';

const { headers, ping, priority, rstStream } = FrameType;

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
