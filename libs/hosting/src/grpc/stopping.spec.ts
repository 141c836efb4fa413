import { status } from '@grpc/grpc-js';
import { callWith, EchoServer, lastData, libraryMethod, message, opening, soon } from './a-grpc-server.js';
import { FrameType } from './http2-frames.js';

let echo: EchoServer;
afterEach(() => echo.close());

describe('a gRPC server that is stopped', () => {
  it('lets what is under way end, and takes no more', async () => {
    echo = await EchoServer.started();
    let end = (): void => undefined;
    echo.handler = (bytes) => new Promise((resolve) => (end = () => resolve(bytes)));
    const client = echo.client();
    const under = echo.say('this', { client });
    while (echo.calls.length === 0) await soon();
    const stopped = echo.server.close();
    await soon(50);
    await expect(echo.say('that', { client })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    end();
    expect(String(await under)).toBe('this');
    await stopped;
    expect(echo.endings).toEqual(['drained']);
  });

  it('ends a stream of answers, and lets other calls of a library end by themselves', async () => {
    echo = await EchoServer.started();
    let done = (): void => undefined;
    echo.server.addService(
      { Get: libraryMethod('Get'), Watch: libraryMethod('Watch', { responseStream: true }) },
      {
        Get: (call: { request: Buffer }, end: (error: null, answer: Buffer) => void) =>
          void (done = () => end(null, call.request)),
        Watch: () => undefined,
      },
    );
    const raw = echo.raw();
    ['Get', 'Watch'].forEach((name, i) =>
      raw.say(opening(i * 2 + 1, callWith({ ':path': `/test.Library/${name}` })), lastData(i * 2 + 1, message('this'))),
    );
    while (echo.server.callCount < 2) await soon();
    const stopped = echo.server.close();
    expect(await raw.statusOf(3)).toBe(status.UNAVAILABLE);
    expect(raw.has(FrameType.headers, 1)).toBe(false);
    done();
    expect(await raw.statusOf(1)).toBe(0);
    await stopped;
  });
});
