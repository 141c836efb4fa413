import { status } from '@grpc/grpc-js';
import {
  callWith,
  data,
  EchoServer,
  lastData,
  libraryMethod,
  message,
  opening,
  reset,
  soon,
  whole,
} from './a-grpc-server.js';
import { FrameType } from './http2-frames.js';

const { rstStream } = FrameType;

let echo: EchoServer;
afterEach(() => echo.close());

describe('a gRPC server', () => {
  it('holds each client to as many calls as one may have, and itself to so many connections', async () => {
    echo = await EchoServer.started({ limits: { streamsMax: 3, connectionsMax: 2 } });
    echo.handler = () => new Promise(() => undefined);
    const raw = echo.raw(...[1, 3, 5, 7].map((id) => whole(id)));
    await raw.came(rstStream, 7);
    // Taken back, they still count as long as they are worked on.
    raw.say(...[1, 3, 5].map(reset), whole(9));
    await raw.came(rstStream, 9);
    expect(echo.calls).toHaveLength(3);
    echo.raw();
    while (echo.server.connectionCount < 2) await soon();
    const third = echo.raw();
    await third.until(() => third.closed);
    expect(echo.endings).toContain('refused');
  });

  it('counts calls that were taken back as long as they are worked on, whoever wrote their handlers', async () => {
    echo = await EchoServer.started({ limits: { streamsMax: 3 } });
    const working: (() => void)[] = [];
    echo.server.addService(
      { Get: libraryMethod('Get'), Watch: libraryMethod('Watch', { responseStream: true }) },
      {
        // As Nest calls its controllers: the promise says nothing of when the answer comes.
        Get: async (call: { request: Buffer }, end: (error: null, answer: Buffer) => void) =>
          Promise.resolve(void working.push(() => end(null, call.request))),
        Watch: () => undefined,
      },
    );
    const call = (id: number, name: string): Buffer =>
      Buffer.concat([opening(id, callWith({ ':path': `/test.Library/${name}` })), lastData(id, message('this'))]);
    const raw = echo.raw(...[1, 3, 5].map((id) => call(id, 'Watch')));
    while (echo.server.callCount < 3) await soon();
    // A stream of answers ends with its call: it leaves nothing behind.
    raw.say(...[1, 3, 5].map(reset), ...[7, 9, 11].map((id) => call(id, 'Get')));
    while (working.length < 3) await soon();
    raw.say(...[7, 9, 11].map(reset), call(13, 'Get'));
    await raw.came(rstStream, 13);
    expect(working).toHaveLength(3);
    working.pop()?.();
    raw.say(call(15, 'Get'));
    while (working.length < 3) await soon();
    working.pop()?.();
    expect(await raw.statusOf(15)).toBe(0);
  });

  it('answers a small call while requests that are not whole take what one connection may have', async () => {
    const limits = { streamsMax: 1_000, messageBytesMax: 10_000, bufferBytesMax: 30_000 };
    echo = await EchoServer.started({ limits });
    const hoarder = echo.raw();
    for (let id = 1; id < 200; id += 2) hoarder.say(opening(id), data(id, message('this').subarray(0, 6)));
    while (echo.server.callCount < 100) await soon();
    expect(echo.server.bufferedBytes).toBeLessThan(10_000);
    for (let id = 201; id < 210; id += 2)
      hoarder.say(opening(id), data(id, message(Buffer.alloc(9_000)).subarray(0, 8_000)));
    expect(await hoarder.statusOf(207)).toBe(status.RESOURCE_EXHAUSTED);
    expect(await echo.raw(whole(1)).statusOf(1)).toBe(0);
  });

  it('ends a call that may bring one message at the second, before either is looked at', async () => {
    echo = await EchoServer.started();
    const twice = Buffer.concat([message('this'), message('this')]);
    expect(await echo.raw(opening(1), data(1, twice)).statusOf(1)).toBe(status.INTERNAL);
    expect(echo.calls).toEqual([]);
  });
});
