import fc from 'fast-check';
import {
  CALL,
  callWith,
  data,
  EchoServer,
  lastData,
  message,
  opening,
  pinging,
  reset,
  whole,
} from './a-grpc-server.js';
import { headerBlock } from './hpack.js';
import { Flag, frame, FrameType, settingsFrame } from './http2-frames.js';

const PROTOCOL_ERROR = 1;
const COMPRESSION_ERROR = 9;
const ENHANCE_YOUR_CALM = 11;
const many = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes));

let echo: EchoServer;
afterEach(() => echo.close());

describe('a gRPC server, to clients that break the protocol', () => {
  it('ends a connection that does not begin as HTTP/2', async () => {
    echo = await EchoServer.started();
    const raw = echo.mute();
    raw.say(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(await raw.goneWith()).toBe(PROTOCOL_ERROR);
  });

  it.each<[string, number, () => Buffer]>([
    ['pings without end', ENHANCE_YOUR_CALM, () => many(2_000, frame(FrameType.ping, 0, 0, Buffer.alloc(8)))],
    ['settings without end', ENHANCE_YOUR_CALM, () => many(2_000, settingsFrame([]))],
    [
      'a thousand settings in one frame',
      ENHANCE_YOUR_CALM,
      () => settingsFrame(Array.from({ length: 1_001 }, (_, i) => [4, i] as const)),
    ],
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
        Buffer.concat(Array.from({ length: 2_000 }, (_, i) => Buffer.concat([opening(i * 2 + 1), reset(i * 2 + 1)]))),
    ],
    ['a header that is in no table', COMPRESSION_ERROR, () => opening(1, Buffer.from([0xff, 0x80, 0x01]))],
    ['data of a stream that nobody opened', PROTOCOL_ERROR, () => data(7, Buffer.from('x'))],
  ])('ends the connection for %s, and answers others meanwhile', async (_, code, bytes) => {
    echo = await EchoServer.started();
    const raw = echo.raw(bytes());
    const other = echo.say('this');
    expect(await raw.goneWith()).toBe(code);
    expect(String(await other)).toBe('said this');
    expect(echo.server.callCount).toBe(0);
  });

  it('lets a client ping as often as it works', async () => {
    echo = await EchoServer.started({ limits: { streamsMax: 2_000 } });
    const busy = echo.raw();
    for (let i = 0; i < 1_500; i++) busy.say(whole(i * 2 + 1), pinging('bdp'));
    expect(await busy.statusOf(2_999)).toBe(0);
    expect(busy.has(FrameType.goaway, 0)).toBe(false);
  });

  it('takes it as ordinary that calls are reset that it has just answered, once each', async () => {
    echo = await EchoServer.started();
    const hedging = echo.raw();
    const ids = Array.from({ length: 1_200 }, (_, i) => i * 2 + 1);
    for (const id of ids) {
      hedging.say(whole(id));
      if (id % 50 === 49) await hedging.statusOf(id);
    }
    await hedging.statusOf(ids.at(-1) as number);
    hedging.say(...ids.map(reset), pinging('then'));
    await hedging.came(FrameType.ping, 0);
    expect(hedging.has(FrameType.goaway, 0)).toBe(false);
    hedging.say(...ids.map(reset));
    expect(await hedging.goneWith()).toBe(ENHANCE_YOUR_CALM);
  });

  it('survives any bytes: each call gets an answer or the connection an end', async () => {
    echo = await EchoServer.started({ limits: { stallMsMax: 300, handshakeMsMax: 300, connectionsMax: 1_000 } });
    const sane = Buffer.concat([
      opening(1, callWith({ authorization: 'Bearer bea' })),
      frame(FrameType.data, Flag.endStream, 1, message('this')),
      whole(3),
      opening(5),
      data(5, message('this')),
      lastData(5, Buffer.alloc(0)),
    ]);
    const mutation = fc.record({ at: fc.nat(sane.length - 1), byte: fc.nat(255), cut: fc.boolean() });
    const cuts = fc.array(fc.nat(sane.length - 1), { maxLength: 4 });
    const attempt = async ([mutations, places]: [{ at: number; byte: number; cut: boolean }[], number[]]) => {
      let bytes = Buffer.from(sane);
      for (const { at, byte, cut } of mutations) {
        if (cut) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        else if (at < bytes.length) bytes[at] = byte;
      }
      const raw = echo.raw();
      let from = 0;
      for (const to of [...places.sort((a, b) => a - b), bytes.length]) {
        raw.say(bytes.subarray(from, to));
        from = Math.max(from, to);
        await new Promise(setImmediate);
      }
      const words = ['finished', 'yes, it '];
      raw.say(...words.map(pinging));
      const answered = (): boolean => raw.frames.some(({ payload }) => words.some((word) => payload.includes(word)));
      await raw.until(() => raw.closed || answered());
      await raw.until(() => raw.closed || echo.server.callCount === 0);
    };
    const attempts = fc.sample(fc.tuple(fc.array(mutation, { maxLength: 4 }), cuts), { numRuns: 600, seed: 1 });
    for (let at = 0; at < attempts.length; at += 100) await Promise.all(attempts.slice(at, at + 100).map(attempt));
    expect(String(await echo.say('this'))).toBe('said this');
  });
});
